// purpose: create relationships, or set the properties of existing ones ($p0, $p1, ...: one list per property)
// params:  $source, $target
// columns: count
// mode:    WRITE
UNWIND range(0, size($source) - 1) AS row
MATCH (a:`@source` {`@source_key`: $source[row]})
MATCH (b:`@target` {`@target_key`: $target[row]})
MERGE (a)-[r:`@type`]->(b)
/*@set*/
RETURN count(DISTINCT row) AS count
