// purpose: whether the keys of a label can serve, from a sample
// params:  $sample
// columns: nodes, keyed, different, types
// mode:    READ
MATCH (n:`@label`)
WITH n LIMIT $sample
WITH n.`@key` AS key
RETURN count(*) AS nodes, count(key) AS keyed, count(DISTINCT key) AS different,
  collect(DISTINCT CASE WHEN key IS NOT NULL THEN valueType(key) END) AS types
