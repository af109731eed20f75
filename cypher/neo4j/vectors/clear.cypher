// purpose: remove the vectors of some nodes
// params:  $key
// columns: count
// mode:    WRITE
UNWIND $key AS key
MATCH (n:`@label` {`@key`: key})
WHERE n.`@property` IS NOT NULL
REMOVE n.`@property`
RETURN count(*) AS count
