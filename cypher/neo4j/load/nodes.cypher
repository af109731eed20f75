// purpose: create nodes, or set the properties of existing ones ($p0, $p1, ...: one list per property)
// params:  $key
// columns: count
// mode:    WRITE
UNWIND range(0, size($key) - 1) AS row
MERGE (n:`@label` {`@key`: $key[row]})
/*@set*/
RETURN count(*) AS count
