// purpose: how many chunks of a load are written, and how many were begun
// params:  $load
// columns: chunks, begun
// mode:    READ
MATCH (l:GraphrecLoad {id: $load})
RETURN l.chunks AS chunks, l.begun AS begun
