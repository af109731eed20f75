// purpose: how many vectors of another width are stored, and of what type a value is that is no vector
// params:  $dim
// columns: others, foreign
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@property` IS NOT NULL
WITH n.`@property` AS value, valueType(n.`@property`) AS type
WITH value, type, type STARTS WITH 'LIST<FLOAT' OR type STARTS WITH 'VECTOR' AS ours
RETURN count(CASE WHEN ours AND size(value) <> $dim THEN 1 END) AS others,
  head(collect(CASE WHEN NOT ours THEN type END)) AS foreign
