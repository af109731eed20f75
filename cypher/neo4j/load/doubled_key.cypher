// purpose: one key that several nodes carry
// params:  none
// columns: key, count
// mode:    READ
MATCH (n:`@label`)
WITH n.`@key` AS key, count(*) AS count
WHERE key IS NOT NULL AND count > 1
RETURN key, count
LIMIT 1
