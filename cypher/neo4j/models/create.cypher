// purpose: make a model's record
// params:  $name, $change
// columns: none
// mode:    WRITE
CREATE (m:GraphrecModel {name: $name})
SET m += $change
