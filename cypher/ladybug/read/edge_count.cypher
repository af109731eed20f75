// purpose: how many relationships of a type run between two labels
// params:  none
// columns: count
// mode:    READ
MATCH (:`@source`)-[r:`@type`]->(:`@target`)
RETURN count(*) AS count
