// purpose: the vector of one node; found by its key, where several nodes take a scan
// params:  $key
// columns: key, vector
// mode:    READ
MATCH (n:`@label` {`@key`: $key})
WHERE n.`@property` IS NOT NULL
RETURN n.`@key` AS key, n.`@property` AS vector
