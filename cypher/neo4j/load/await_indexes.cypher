// purpose: wait until all indexes are online
// params:  $seconds
// columns: none
// mode:    READ
CALL db.awaitIndexes($seconds)
