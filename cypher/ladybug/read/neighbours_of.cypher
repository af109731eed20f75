// purpose: distinct targets of one source; found by its key, where many sources take a scan
// params:  $key
// columns: source, target
// mode:    READ
MATCH (a:`@source` {`@source_key`: $key})-[/*@types*/]->(b:`@target`)
WHERE b.`@target_key` IS NOT NULL
RETURN DISTINCT a.`@source_key` AS source, b.`@target_key` AS target
