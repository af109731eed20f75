// purpose: what a user and a suggested person both have
// params:  $user, $other
// columns: kind, type, name, count
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user}), (other:`@user` {`@user_key`: $other})
WHERE true/*@allowed*/
MATCH (user)-[:`@tie`]->(thing:`@thing`)<-[:`@tie`]-(other)
WITH DISTINCT thing
RETURN /*@kind*/ AS kind, /*@type*/ AS type, coalesce(/*@name*/CAST(thing.`@thing_key` AS STRING)) AS name, count(*) AS count
