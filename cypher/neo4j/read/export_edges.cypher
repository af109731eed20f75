// purpose: the relationships of a type with chosen properties
// params:  none
// columns: source, target
// mode:    READ
MATCH (a:`@source`)-[r:`@type`]->(b:`@target`)
WHERE a.`@source_key` IS NOT NULL AND b.`@target_key` IS NOT NULL
RETURN a.`@source_key` AS source, b.`@target_key` AS target/*@columns*/
