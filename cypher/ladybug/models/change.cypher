// purpose: make a model's record or change fields of it; null removes one
// params:  $name
// columns: none
// mode:    WRITE
MERGE (m:GraphrecModel {name: $name})
/*@set*/
