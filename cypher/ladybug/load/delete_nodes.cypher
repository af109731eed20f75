// purpose: delete nodes with their relationships
// params:  $rows
// columns: none
// mode:    WRITE
LOAD FROM $rows
MATCH (n:`@label` {`@key`: _key})
DETACH DELETE n
