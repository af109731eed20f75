// purpose: write vectors
// params:  $rows
// columns: count
// mode:    WRITE
LOAD FROM $rows
MATCH (n:`@label` {`@key`: _key})
SET n.`@property` = _vector
RETURN count(*) AS count
