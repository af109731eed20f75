// purpose: remove a property from some nodes by inner id
// params:  $ids
// columns: count
// mode:    WRITE
UNWIND $ids AS id
MATCH (n:`@label`)
WHERE id(n) = id
REMOVE n.`@property`
RETURN count(*) AS count
