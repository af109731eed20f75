// purpose: items whose vectors point the way of one item's, most alike first; exact
// params:  $item, $k
// columns: item_id, score
// mode:    READ
MATCH (item:`@item`), (self:`@item` {`@item_key`: $item}), (model:GraphrecModel {name: /*@model*/, live: 'a'})
WHERE array_inner_product(item.`@vector_a`, item.`@vector_a`) > 0
    AND array_inner_product(self.`@vector_a`, self.`@vector_a`) > 0
    AND item.`@item_key` <> self.`@item_key`/*@conditions*/
WITH DISTINCT item.`@item_key` AS item_id, array_inner_product(item.`@vector_a`, self.`@vector_a`)
  / sqrt(array_inner_product(item.`@vector_a`, item.`@vector_a`))
  / sqrt(array_inner_product(self.`@vector_a`, self.`@vector_a`)) AS score
// by the score rounded to 6 significant digits, then by key
WITH item_id, score,
  CASE WHEN score = 0 THEN 0.0
    ELSE round(score * pow(10.0, 5 - floor(log10(abs(score)))), 0) / pow(10.0, 5 - floor(log10(abs(score))))
  END AS rank
RETURN item_id, score
ORDER BY rank DESC, item_id
LIMIT $k
UNION ALL
MATCH (item:`@item`), (self:`@item` {`@item_key`: $item}), (model:GraphrecModel {name: /*@model*/, live: 'b'})
WHERE array_inner_product(item.`@vector_b`, item.`@vector_b`) > 0
    AND array_inner_product(self.`@vector_b`, self.`@vector_b`) > 0
    AND item.`@item_key` <> self.`@item_key`/*@conditions*/
WITH DISTINCT item.`@item_key` AS item_id, array_inner_product(item.`@vector_b`, self.`@vector_b`)
  / sqrt(array_inner_product(item.`@vector_b`, item.`@vector_b`))
  / sqrt(array_inner_product(self.`@vector_b`, self.`@vector_b`)) AS score
// by the score rounded to 6 significant digits, then by key
WITH item_id, score,
  CASE WHEN score = 0 THEN 0.0
    ELSE round(score * pow(10.0, 5 - floor(log10(abs(score)))), 0) / pow(10.0, 5 - floor(log10(abs(score))))
  END AS rank
RETURN item_id, score
ORDER BY rank DESC, item_id
LIMIT $k
