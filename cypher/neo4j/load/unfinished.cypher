// purpose: loads that have not ended
// params:  none
// columns: id, chunks
// mode:    READ
MATCH (l:GraphrecLoad)
RETURN l.id AS id, coalesce(l.chunks, 0) AS chunks
