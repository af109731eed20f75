def memory_estimate(n_users, n_items, n_interactions, **kw):
    return dict(dataset=1, hetero=1, fit=1)
