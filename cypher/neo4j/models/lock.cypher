// purpose: lock a model's record for this transaction and read it
// params:  $name
// columns: record
// mode:    WRITE
MATCH (m:GraphrecModel {name: $name})
SET m.name = $name
WITH m
RETURN properties(m) AS record
