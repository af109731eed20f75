// purpose: say that chunks of a load are written
// params:  $load, $chunks
// columns: none
// mode:    WRITE
MERGE (l:GraphrecLoad {id: $load})
SET l.chunks = $chunks
