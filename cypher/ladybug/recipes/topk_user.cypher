// purpose: the live slot and a user's vector, for topk_vector
// params:  $user
// columns: slot, vector
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user}), (model:GraphrecModel {name: /*@model*/, live: 'a'})
WHERE array_inner_product(user.`@vector_a`, user.`@vector_a`) > 0
RETURN model.live AS slot, CAST(user.`@vector_a` AS DOUBLE[]) AS vector
UNION ALL
MATCH (user:`@user` {`@user_key`: $user}), (model:GraphrecModel {name: /*@model*/, live: 'b'})
WHERE array_inner_product(user.`@vector_b`, user.`@vector_b`) > 0
RETURN model.live AS slot, CAST(user.`@vector_b` AS DOUBLE[]) AS vector
