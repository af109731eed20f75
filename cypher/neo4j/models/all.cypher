// purpose: the records of all published models
// params:  none
// columns: record
// mode:    READ
MATCH (m:GraphrecModel)
RETURN properties(m) AS record
ORDER BY m.name
