// purpose: all vectors of a label, as columns
// params:  none
// columns: key, vectors
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@property` IS NOT NULL AND n.`@key` IS NOT NULL
WITH id(n) / 5000 AS part, collect(n.`@key`) AS key, collect(n.`@property`) AS vectors
RETURN key, vectors
