// purpose: the items with the largest inner products with a vector, seen or not, by the score as it is
// params:  $vector, $fetch
// columns: item_id, score
// mode:    READ
MATCH (item:`@item`)
WHERE item.`@vector` IS NOT NULL/*@conditions*/
RETURN item.`@item_key` AS item_id, array_inner_product(item.`@vector`, $vector) AS score
ORDER BY score DESC, item_id
LIMIT $fetch
