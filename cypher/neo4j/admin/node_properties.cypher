// purpose: properties of a label and their types, from a sample
// params:  $sample
// columns: property, types
// mode:    READ
MATCH (n:`@label`)
WITH n LIMIT $sample
UNWIND keys(n) AS property
RETURN property, collect(DISTINCT valueType(n[property])) AS types
