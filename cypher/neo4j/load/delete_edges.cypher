// purpose: delete the relationships between pairs of nodes
// params:  $source, $target
// columns: count
// mode:    WRITE
UNWIND range(0, size($source) - 1) AS row
MATCH (:`@source` {`@source_key`: $source[row]})-[r:`@type`]->(:`@target` {`@target_key`: $target[row]})
WITH DISTINCT r
DELETE r
RETURN count(*) AS count
