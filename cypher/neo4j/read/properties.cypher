// purpose: chosen properties of some nodes
// params:  $keys
// columns: key
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@key` IN $keys
RETURN n.`@key` AS key/*@columns*/
