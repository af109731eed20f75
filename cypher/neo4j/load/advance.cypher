// purpose: record that one more chunk is written
// params:  $load, $chunks
// columns: none
// mode:    WRITE
MATCH (l:GraphrecLoad {id: $load})
SET l.chunks = $chunks
