// purpose: make the table that says how far loads are
// params:  none
// columns: none
// mode:    WRITE
CREATE NODE TABLE IF NOT EXISTS GraphrecLoad(id STRING PRIMARY KEY, chunks INT64, begun INT64)
