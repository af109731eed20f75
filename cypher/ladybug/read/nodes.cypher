// purpose: places, keys and chosen properties of all nodes of a label
// params:  none
// columns: place, key
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@key` IS NOT NULL
RETURN offset(id(n)) AS place, n.`@key` AS key/*@columns*/
