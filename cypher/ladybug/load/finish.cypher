// purpose: forget the progress of a load
// params:  $load
// columns: none
// mode:    WRITE
MATCH (l:GraphrecLoad {id: $load})
DELETE l
