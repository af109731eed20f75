// purpose: how many relationships a type has
// params:  none
// columns: count
// mode:    READ
MATCH ()-[r:`@type`]->()
RETURN count(r) AS count
