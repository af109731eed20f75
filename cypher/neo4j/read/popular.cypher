// purpose: targets with most incoming relationships
// params:  $k
// columns: key, count
// mode:    READ
MATCH (:`@source`)-[r/*@types*/]->(b:`@target`)
WHERE b.`@target_key` IS NOT NULL
WITH b, count(r) AS count
RETURN b.`@target_key` AS key, count
ORDER BY count DESC, key
LIMIT $k
