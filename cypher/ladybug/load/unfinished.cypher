// purpose: loads that have not ended
// params:  none
// columns: id, chunks
// mode:    READ
MATCH (l:GraphrecLoad)
RETURN l.id AS id, l.chunks AS chunks
