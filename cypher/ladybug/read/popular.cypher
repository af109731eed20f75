// purpose: targets with most incoming relationships
// params:  $k
// columns: key, count
// mode:    READ
MATCH (:`@source`)-[/*@types*/]->(b:`@target`)
WHERE b.`@target_key` IS NOT NULL
RETURN b.`@target_key` AS key, count(*) AS count
ORDER BY count DESC, key
LIMIT $k
