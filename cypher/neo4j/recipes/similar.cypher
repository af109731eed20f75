// purpose: items whose vectors point the way of one item's, most alike first; exact
// params:  $item, $k
// columns: item_id, score
// mode:    READ
MATCH (model:GraphrecModel {name: /*@model*/})
MATCH (self:`@item` {`@item_key`: $item})
WITH model, self,
  CASE model.live WHEN 'a' THEN self.`@vector_a` WHEN 'b' THEN self.`@vector_b` END[..model.dim] AS query
WHERE any(x IN query WHERE x <> 0)
MATCH (item:`@item`)
WHERE item <> self/*@conditions*/
WITH model, query, item,
  CASE model.live WHEN 'a' THEN item.`@vector_a` WHEN 'b' THEN item.`@vector_b` END[..model.dim] AS vector
WHERE any(x IN vector WHERE x <> 0)
WITH model, query, item, vector.similarity.cosine(vector, query) AS near
// all that 32-bit cosines cannot tell from the k-th best are scored again in 64 bits
WITH model, query, collect(item) AS items, collect(near) AS nears
CALL (nears) {
  UNWIND nears AS near
  WITH near ORDER BY near DESC LIMIT $k
  RETURN min(near) - 0.00001 AS least
}
UNWIND range(0, size(items) - 1) AS i
WITH model, query, items[i] AS item, nears[i] AS near, least
WHERE near >= least
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
