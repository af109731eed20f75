// purpose: keys of the items that fulfil conditions
// params:  none
// columns: item_id
// mode:    READ
MATCH (item:`@item`)
WHERE item.`@item_key` IS NOT NULL/*@conditions*/
RETURN item.`@item_key` AS item_id
