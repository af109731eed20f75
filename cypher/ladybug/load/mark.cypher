// purpose: say how many chunks of a load are written, and how many were begun
// params:  $load, $chunks, $begun
// columns: none
// mode:    WRITE
MERGE (l:GraphrecLoad {id: $load})
SET l.chunks = $chunks, l.begun = $begun
