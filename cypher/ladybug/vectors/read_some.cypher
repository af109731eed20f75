// purpose: the vectors of some nodes
// params:  $rows
// columns: key, vector
// mode:    READ
LOAD FROM $rows
MATCH (n:`@label` {`@key`: _key})
WHERE n.`@property` IS NOT NULL
RETURN n.`@key` AS key, n.`@property` AS vector
