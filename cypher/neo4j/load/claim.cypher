// purpose: lock the progress of a load for this transaction and read it
// params:  $load
// columns: chunks
// mode:    WRITE
MERGE (l:GraphrecLoad {id: $load})
SET l.touched = timestamp()
RETURN coalesce(l.chunks, 0) AS chunks
