// purpose: unseen items of one user, best first; exact
// params:  $user, $k
// columns: item_id, score
// mode:    READ
MATCH (item:`@item`), (user:`@user` {`@user_key`: $user}), (model:GraphrecModel {name: /*@model*/, live: 'a'})
WHERE item.`@vector_a` IS NOT NULL AND array_inner_product(user.`@vector_a`, user.`@vector_a`) > 0/*@conditions*/
    AND CAST(CASE WHEN $k > /*@most*/ THEN 'k must be at most /*@most*/' ELSE '1' END AS INT64) = 1
WITH item.`@item_key` AS item_id, array_inner_product(user.`@vector_a`, item.`@vector_a`) AS score
WHERE NOT EXISTS {
  MATCH (:`@user` {`@user_key`: $user})-[/*@hiding*/]->(seen:`@item`)
  WHERE /*@hides*/seen.`@item_key` = item_id
}
// room for scores that are equal but for their last digits
WITH item_id, score ORDER BY score DESC, item_id LIMIT /*@kept*/
// by the score rounded to 6 significant digits, then by key
WITH item_id, score,
  CASE WHEN score = 0 THEN 0.0
    ELSE round(score * pow(10.0, 5 - floor(log10(abs(score)))), 0) / pow(10.0, 5 - floor(log10(abs(score))))
  END AS rank
RETURN item_id, score
ORDER BY rank DESC, item_id
LIMIT $k
UNION ALL
MATCH (item:`@item`), (user:`@user` {`@user_key`: $user}), (model:GraphrecModel {name: /*@model*/, live: 'b'})
WHERE item.`@vector_b` IS NOT NULL AND array_inner_product(user.`@vector_b`, user.`@vector_b`) > 0/*@conditions*/
    AND CAST(CASE WHEN $k > /*@most*/ THEN 'k must be at most /*@most*/' ELSE '1' END AS INT64) = 1
WITH item.`@item_key` AS item_id, array_inner_product(user.`@vector_b`, item.`@vector_b`) AS score
WHERE NOT EXISTS {
  MATCH (:`@user` {`@user_key`: $user})-[/*@hiding*/]->(seen:`@item`)
  WHERE /*@hides*/seen.`@item_key` = item_id
}
// room for scores that are equal but for their last digits
WITH item_id, score ORDER BY score DESC, item_id LIMIT /*@kept*/
// by the score rounded to 6 significant digits, then by key
WITH item_id, score,
  CASE WHEN score = 0 THEN 0.0
    ELSE round(score * pow(10.0, 5 - floor(log10(abs(score)))), 0) / pow(10.0, 5 - floor(log10(abs(score))))
  END AS rank
RETURN item_id, score
ORDER BY rank DESC, item_id
LIMIT $k
