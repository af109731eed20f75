// purpose: write vectors as 32-bit numbers
// params:  $property, $key, $vectors
// columns: count
// mode:    WRITE
UNWIND range(0, size($key) - 1) AS row
MATCH (n:`@label` {`@key`: $key[row]})
CALL db.create.setNodeVectorProperty(n, $property, $vectors[row])
RETURN count(*) AS count
