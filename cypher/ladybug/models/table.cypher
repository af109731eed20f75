// purpose: make the table of published models
// params:  none
// columns: none
// mode:    WRITE
CREATE NODE TABLE IF NOT EXISTS GraphrecModel(
  name STRING PRIMARY KEY, live STRING, version INT64, previous INT64, dim INT64, created STRING,
  lock STRING, lock_until DOUBLE
)
