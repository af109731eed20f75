// purpose: properties of a relationship type and their types, from a sample
// params:  $sample
// columns: property, types
// mode:    READ
MATCH ()-[r:`@type`]->()
WITH r LIMIT $sample
UNWIND keys(r) AS property
RETURN property, collect(DISTINCT valueType(r[property])) AS types
