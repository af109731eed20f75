// purpose: create relationships, or set the properties of existing ones
// params:  $source, $target, and a list per property
// columns: count
// mode:    WRITE
UNWIND range(0, size($source) - 1) AS row
MATCH (a:`@source` {`@source_key`: $source[row]})
MATCH (b:`@target` {`@target_key`: $target[row]})
MERGE (a)-[r:`@type`]->(b)
/*@set*/
RETURN count(DISTINCT row) AS count
