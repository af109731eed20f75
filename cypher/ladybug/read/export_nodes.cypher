// purpose: the nodes of a label with chosen properties
// params:  none
// columns: key
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@key` IS NOT NULL
RETURN n.`@key` AS key/*@columns*/
