// purpose: items whose vectors point the way of one item's, most alike first; exact
// params:  $item, $k
// columns: item_id, score
// mode:    READ
MATCH (model:GraphrecModel {name: /*@model*/})
MATCH (self:`@item` {`@item_key`: $item})
WITH model, self, model.dim AS dim, model.live = 'a' AS in_a,
  CASE model.live WHEN 'a' THEN self.`@vector_a` WHEN 'b' THEN self.`@vector_b` END[..model.dim] AS query
WHERE any(x IN query WHERE x <> 0)
CALL (query, self, in_a, dim) {
  MATCH (item:`@item`)
  WHERE item <> self/*@conditions*/
  WITH item, CASE WHEN in_a THEN item.`@vector_a` ELSE item.`@vector_b` END[..dim] AS vector
  WHERE any(x IN vector WHERE x <> 0)
  WITH item, vector.similarity.cosine(vector, query) AS near ORDER BY near DESC LIMIT $k + 50
  RETURN collect(item) AS items, collect(near) AS nears
}
// all that 32-bit cosines cannot tell from the k-th best are scored again in 64 bits; a second scan where these are many
WITH *, coalesce(nears[$k - 1], 0) - 0.00001 AS least
CALL (query, self, in_a, dim, items, nears, least) {
  UNWIND CASE WHEN nears[$k + 49] >= least THEN null ELSE range(0, size(items) - 1) END AS i
  WITH items[i] AS item, nears[i] AS near, least
  WHERE near >= least
  RETURN item
  UNION ALL
  UNWIND CASE WHEN nears[$k + 49] >= least THEN [1] END AS again
  MATCH (item:`@item`)
  WHERE item <> self/*@conditions*/
  WITH item, CASE WHEN in_a THEN item.`@vector_a` ELSE item.`@vector_b` END[..dim] AS vector, least
  WHERE any(x IN vector WHERE x <> 0)
  WITH item, vector.similarity.cosine(vector, query) AS near, least
  WHERE near >= least
  RETURN item
}
WITH model, query, item,
  CASE model.live WHEN 'a' THEN item.`@vector_a` WHEN 'b' THEN item.`@vector_b` END[..model.dim] AS vector
WITH item.`@item_key` AS item_id,
  reduce(sum = 0.0, j IN range(0, size(query) - 1) | sum + vector[j] * query[j]) /
  sqrt(reduce(sum = 0.0, x IN vector | sum + x * x)) / sqrt(reduce(sum = 0.0, x IN query | sum + x * x)) AS score
// by the score rounded to 6 significant digits, then by key
WITH item_id, score, CASE WHEN score = 0 THEN 0 ELSE toInteger(floor(log10(abs(score)))) END AS exponent
RETURN item_id, score
ORDER BY sign(score) * (900000 * (exponent + 400) + floor(abs(score) * 10.0 ^ (5 - exponent) + 0.5) - 100000) DESC, item_id
LIMIT $k
