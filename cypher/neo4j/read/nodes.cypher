// purpose: keys and properties of all nodes of a label, as columns; an empty map stands for null
// params:  none
// columns: ids, key, properties
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@key` IS NOT NULL
WITH id(n) / 20000 AS part, collect(id(n)) AS ids, collect(n.`@key`) AS key, [/*@properties*/] AS properties
RETURN ids, key, properties
