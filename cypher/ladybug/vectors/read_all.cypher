// purpose: all vectors under a property
// params:  none
// columns: key, vector
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@property` IS NOT NULL
RETURN n.`@key` AS key, n.`@property` AS vector
