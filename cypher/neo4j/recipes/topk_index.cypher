// purpose: unseen items of one user, best first; fast, through the vector index, and nearly exact
// params:  $user, $k
// columns: item_id, score
// mode:    READ
MATCH (model:GraphrecModel {name: /*@model*/})
MATCH (user:`@user` {`@user_key`: $user})
WITH model, user, CASE model.live WHEN 'a' THEN user.`@vector_a` WHEN 'b' THEN user.`@vector_b` END AS query
WHERE any(x IN query WHERE x <> 0)
WITH model, query, COLLECT {
  MATCH (user)-[/*@hiding*/]->(item:`@item`)
  WHERE /*@hides*/true
  RETURN DISTINCT item
} AS seen
// a few at first; where the user has seen most of these, as many more as they have seen
CALL (model, query, seen) {
  CALL db.index.vector.queryNodes(/*@model*/ + '_' + model.live, 10 * $k + 200, query) YIELD node AS item, score AS near
  WITH item, near, seen
  WHERE NOT item IN seen/*@conditions*/
  WITH item ORDER BY near DESC LIMIT $k + 50
  RETURN collect(item) AS first
}
CALL (model, query, seen, first) {
  WITH * WHERE size(first) >= $k
  UNWIND first AS item
  RETURN item
  UNION ALL
  WITH * WHERE size(first) < $k
  CALL db.index.vector.queryNodes(/*@model*/ + '_' + model.live, size(seen) + 10 * $k + 200, query) YIELD node AS item, score AS near
  WITH item, near, seen
  WHERE NOT item IN seen/*@conditions*/
  RETURN item ORDER BY near DESC LIMIT $k + 50
}
WITH model, query, item,
  CASE model.live WHEN 'a' THEN item.`@vector_a` WHEN 'b' THEN item.`@vector_b` END AS vector
WITH item.`@item_key` AS item_id, model.scale *
  reduce(sum = 0.0, j IN range(0, model.dim - 1) | sum + vector[j] * query[j]) AS score
// by the score rounded to 6 significant digits, then by key
WITH item_id, score, CASE WHEN score = 0 THEN 0 ELSE toInteger(floor(log10(abs(score)))) END AS exponent
RETURN item_id, score
ORDER BY sign(score) * (900000 * (exponent + 400) + floor(abs(score) * 10.0 ^ (5 - exponent) + 0.5) - 100000) DESC, item_id
LIMIT $k
