// purpose: set properties of nodes; a null leaves what is stored
// params:  $rows
// columns: none
// mode:    WRITE
LOAD FROM $rows
MATCH (n:`@label` {`@key`: _key})
SET /*@set*/
