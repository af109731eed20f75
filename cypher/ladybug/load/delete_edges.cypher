// purpose: delete the relationships between pairs of nodes
// params:  $rows
// columns: count
// mode:    WRITE
LOAD FROM $rows
MATCH (a:`@source` {`@source_key`: _source})-[r:`@type`]->(b:`@target` {`@target_key`: _target})
DELETE r
RETURN count(*) AS count
