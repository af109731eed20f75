// purpose: the vectors of some keys, as columns
// params:  $key
// columns: key, vectors
// mode:    READ
UNWIND $key AS key
MATCH (n:`@label` {`@key`: key})
WHERE n.`@property` IS NOT NULL
RETURN collect(key) AS key, collect(n.`@property`) AS vectors
