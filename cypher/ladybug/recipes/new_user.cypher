// purpose: items for somebody who is known only by some items, best first; exact
// params:  $items, $k
// columns: item_id, score
// mode:    READ
MATCH (item:`@item`), (known:`@item`), (model:GraphrecModel {name: /*@model*/, live: 'a'})
WHERE known.`@item_key` IN $items AND known.`@fold_in_a` IS NOT NULL AND item.`@vector_a` IS NOT NULL
    AND NOT (/*@given*/item.`@item_key` IN $items)/*@conditions*/
WITH item.`@item_key` AS item_id, sum(array_inner_product(item.`@vector_a`, known.`@fold_in_a`)) AS total,
  count(*) AS parts, max(array_inner_product(known.`@fold_in_a`, known.`@fold_in_a`)) AS most
WHERE most > 0
WITH item_id, total / sqrt(parts) AS score
// by the score rounded to 6 significant digits, then by key
WITH item_id, score,
  CASE WHEN score = 0 THEN 0.0
    ELSE round(score * pow(10.0, 5 - floor(log10(abs(score)))), 0) / pow(10.0, 5 - floor(log10(abs(score))))
  END AS rank
RETURN item_id, score
ORDER BY rank DESC, item_id
LIMIT $k
UNION ALL
MATCH (item:`@item`), (known:`@item`), (model:GraphrecModel {name: /*@model*/, live: 'b'})
WHERE known.`@item_key` IN $items AND known.`@fold_in_b` IS NOT NULL AND item.`@vector_b` IS NOT NULL
    AND NOT (/*@given*/item.`@item_key` IN $items)/*@conditions*/
WITH item.`@item_key` AS item_id, sum(array_inner_product(item.`@vector_b`, known.`@fold_in_b`)) AS total,
  count(*) AS parts, max(array_inner_product(known.`@fold_in_b`, known.`@fold_in_b`)) AS most
WHERE most > 0
WITH item_id, total / sqrt(parts) AS score
// by the score rounded to 6 significant digits, then by key
WITH item_id, score,
  CASE WHEN score = 0 THEN 0.0
    ELSE round(score * pow(10.0, 5 - floor(log10(abs(score)))), 0) / pow(10.0, 5 - floor(log10(abs(score))))
  END AS rank
RETURN item_id, score
ORDER BY rank DESC, item_id
LIMIT $k
