// purpose: how many relationships of each type some nodes have, to whatever node; one to itself counts once
// params:  $keys
// columns: key, type, count
// mode:    READ
MATCH (n:`@label`)-[r]-()
WHERE n.`@key` IN $keys
RETURN n.`@key` AS key, type(r) AS type, count(DISTINCT r) AS count
