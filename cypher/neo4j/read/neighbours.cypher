// purpose: distinct targets of some sources
// params:  $key
// columns: row, targets
// mode:    READ
UNWIND range(0, size($key) - 1) AS row
MATCH (:`@source` {`@source_key`: $key[row]})-[/*@types*/]->(b:`@target`)
WHERE b.`@target_key` IS NOT NULL
RETURN row, collect(DISTINCT b.`@target_key`) AS targets
