// purpose: friends whom a user and a suggested person have in common; those who are not to be named are counted
// params:  $user, $other
// columns: kind, type, name, count
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user})
MATCH (other:`@user` {`@user_key`: $other})
WHERE true/*@allowed*/
MATCH (user)-[:`@tie`/*@more_ties*/]/*@arrow*/(named:`@user`)
WHERE named <> user AND named <> other AND /*@present*/ AND EXISTS { MATCH (named)-[:`@tie`/*@more_ties*/]/*@arrow*/(other) }/*@ways*/
WITH DISTINCT user, other, named
WITH CASE WHEN /*@nameable*/ THEN toString(coalesce(/*@name*/named.`@user_key`)) END AS name
RETURN 'friend' AS kind, /*@type*/ AS type, name, count(*) AS count
