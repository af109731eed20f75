// purpose: how many nodes a label has
// params:  none
// columns: count
// mode:    READ
MATCH (n:`@label`)
RETURN count(*) AS count
