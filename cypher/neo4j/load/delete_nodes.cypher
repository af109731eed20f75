// purpose: delete nodes with what relationships they have left
// params:  $key
// columns: count
// mode:    WRITE
UNWIND $key AS key
MATCH (n:`@label` {`@key`: key})
DETACH DELETE n
RETURN count(*) AS count
