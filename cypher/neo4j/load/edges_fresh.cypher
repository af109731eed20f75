// purpose: create relationships where none were ($p0, $p1, ...: one list per property)
// params:  $source, $target
// columns: count
// mode:    WRITE
UNWIND range(0, size($source) - 1) AS row
MATCH (a:`@source` {`@source_key`: $source[row]})
MATCH (b:`@target` {`@target_key`: $target[row]})
CREATE (a)-[:`@type` /*@properties*/]->(b)
RETURN count(*) AS count
