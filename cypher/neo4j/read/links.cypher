// purpose: relationships of one type from some nodes, every one
// params:  $keys
// columns: source, target
// mode:    READ
UNWIND $keys AS key
MATCH (a:`@source` {`@source_key`: key})-[r:`@type`]->(b:`@target`)
WHERE b.`@target_key` IS NOT NULL
RETURN key AS source, b.`@target_key` AS target/*@columns*/
