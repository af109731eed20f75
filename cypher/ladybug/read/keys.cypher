// purpose: all keys of a label
// params:  none
// columns: key
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@key` IS NOT NULL
RETURN n.`@key` AS key
