// purpose: create nodes, or set the properties of existing ones
// params:  $key, and a list per property
// columns: count
// mode:    WRITE
UNWIND range(0, size($key) - 1) AS row
MERGE (n:`@label` {`@key`: $key[row]})
/*@set*/
RETURN count(*) AS count
