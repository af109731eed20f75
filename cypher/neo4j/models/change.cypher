// purpose: change fields of a model's record; null removes one
// params:  $name, $change
// columns: none
// mode:    WRITE
MATCH (m:GraphrecModel {name: $name})
SET m += $change
