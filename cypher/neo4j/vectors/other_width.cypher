// purpose: whether a vector of another width is stored
// params:  $dim
// columns: dim
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@property` IS NOT NULL AND size(n.`@property`) <> $dim
RETURN size(n.`@property`) AS dim
LIMIT 1
