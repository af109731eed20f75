// purpose: the inner ids of all nodes with this property
// params:  none
// columns: ids
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@property` IS NOT NULL
RETURN collect(id(n)) AS ids
