// purpose: delete a bounded number of relationships of nodes about to be deleted
// params:  $key, $limit
// columns: count
// mode:    WRITE
UNWIND $key AS key
MATCH (:`@label` {`@key`: key})-[r]-()
WITH DISTINCT r LIMIT $limit
DELETE r
RETURN count(*) AS count
