// purpose: which of some nodes are there, by the index of their keys
// params:  $keys
// columns: key
// mode:    READ
UNWIND $keys AS key
MATCH (n:`@label` {`@key`: key})
RETURN DISTINCT n.`@key` AS key
