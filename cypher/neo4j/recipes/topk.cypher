// purpose: unseen items of one user, best first; exact
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
} AS seen, model.live = 'a' AS in_a
// stored items are of length 1: the nearest to the direction have the largest products; distances are quicker than cosines
WITH *, sqrt(reduce(sum = 0.0, x IN query | sum + x * x)) AS length
WITH *, [x IN query | x / length] AS direction
CALL (direction, seen, in_a) {
  MATCH (item:`@item`)
  WHERE NOT item IN seen/*@conditions*/
  WITH item, vector.similarity.euclidean(CASE WHEN in_a THEN item.`@vector_a` ELSE item.`@vector_b` END, direction) AS near
  WHERE near IS NOT NULL
  WITH item, near ORDER BY near DESC LIMIT $k + 50
  RETURN collect(item) AS items, collect(near) AS nears
}
// all that 32-bit numbers cannot tell from the k-th best are scored again in 64 bits; a second scan where these are many
WITH *, coalesce(nears[$k - 1] - 0.00004 * nears[$k - 1] ^ 2, 0) AS least
CALL (direction, seen, in_a, items, nears, least) {
  UNWIND CASE WHEN nears[$k + 49] >= least THEN null ELSE range(0, size(items) - 1) END AS i
  WITH items[i] AS item, nears[i] AS near, least
  WHERE near >= least
  RETURN item
  UNION ALL
  UNWIND CASE WHEN nears[$k + 49] >= least THEN [1] END AS again
  MATCH (item:`@item`)
  WHERE NOT item IN seen/*@conditions*/
  WITH item, vector.similarity.euclidean(CASE WHEN in_a THEN item.`@vector_a` ELSE item.`@vector_b` END, direction) AS near, least
  WHERE near >= least
  RETURN item
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
