// purpose: the records of all published models
// params:  none
// columns: none
// mode:    READ
MATCH (m:GraphrecModel)
RETURN m.*
ORDER BY m.name
