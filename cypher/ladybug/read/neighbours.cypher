// purpose: distinct targets of some sources
// params:  $rows
// columns: source, target
// mode:    READ
LOAD FROM $rows
MATCH (a:`@source` {`@source_key`: _key})-[/*@types*/]->(b:`@target`)
WHERE b.`@target_key` IS NOT NULL
RETURN DISTINCT _key AS source, b.`@target_key` AS target
