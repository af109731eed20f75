// purpose: keys of the nodes of a label that lack a property
// params:  none
// columns: key
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@key` IS NOT NULL AND n.`@property` IS NULL
RETURN n.`@key` AS key
