// purpose: remove vectors
// params:  $rows
// columns: count
// mode:    WRITE
LOAD FROM $rows
MATCH (n:`@label` {`@key`: _key})
WHERE n.`@property` IS NOT NULL
SET n.`@property` = NULL
RETURN count(*) AS count
