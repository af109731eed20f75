// purpose: how many nodes of a label have a property
// params:  none
// columns: covered
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@property` IS NOT NULL
RETURN count(n) AS covered
