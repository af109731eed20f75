// purpose: how many relationships of each type some nodes have, to whatever node; one to itself counts once
// params:  $keys
// columns: key, type, count
// mode:    READ
MATCH (n:`@label`)-[r]->()
WHERE n.`@key` IN $keys
RETURN n.`@key` AS key, label(r) AS type, count(*) AS count
UNION ALL
MATCH (n:`@label`)<-[r]-(other)
WHERE n.`@key` IN $keys AND id(other) <> id(n)
RETURN n.`@key` AS key, label(r) AS type, count(*) AS count
