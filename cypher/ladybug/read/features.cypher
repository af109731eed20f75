// purpose: chosen properties of some nodes, each looked up by its key
// params:  $keys
// columns: key
// mode:    READ
UNWIND $keys AS key
MATCH (n:`@label` {`@key`: key})
RETURN key/*@columns*/
