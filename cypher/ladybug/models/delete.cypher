// purpose: remove a model's record
// params:  $name
// columns: none
// mode:    WRITE
MATCH (m:GraphrecModel {name: $name})
DELETE m
