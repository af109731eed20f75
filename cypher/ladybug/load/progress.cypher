// purpose: how many chunks of a load are written
// params:  $load
// columns: chunks
// mode:    READ
MATCH (l:GraphrecLoad {id: $load})
RETURN l.chunks AS chunks
