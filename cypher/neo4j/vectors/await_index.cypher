// purpose: wait until an index is online
// params:  $name, $seconds
// columns: none
// mode:    READ
CALL db.awaitIndex($name, $seconds)
