// purpose: the published models
// params:  none
// columns: name, live, version, previous, dim, created
// mode:    READ
MATCH (model:GraphrecModel)
WHERE model.live IS NOT NULL
RETURN model.name AS name, model.live AS live, model.version AS version, model.previous AS previous,
  model.dim AS dim, model.created AS created
ORDER BY name
