// purpose: what a user and a suggested person both have
// params:  $user, $other
// columns: kind, type, name, count
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user})
MATCH (other:`@user` {`@user_key`: $other})
WHERE true/*@allowed*/
MATCH (user)-[:`@tie`]->(thing:`@thing`)
WHERE EXISTS { MATCH (other)-[:`@tie`]->(thing) }
WITH DISTINCT thing
RETURN /*@kind*/ AS kind, /*@type*/ AS type, toString(coalesce(/*@name*/thing.`@thing_key`)) AS name, count(*) AS count
