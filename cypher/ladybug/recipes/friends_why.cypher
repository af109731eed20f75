// purpose: friends whom a user and a suggested person have in common; those who are not to be named are counted
// params:  $user, $other
// columns: kind, type, name, count
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user}), (other:`@user` {`@user_key`: $other})
WHERE true/*@allowed*/
MATCH (user)-[:`@tie`/*@more_ties*/]/*@arrow*/(named:`@user`)-[:`@tie`/*@more_ties*/]/*@arrow*/(other)
WHERE named.`@user_key` <> user.`@user_key` AND named.`@user_key` <> other.`@user_key` AND /*@present*//*@ways*/
WITH DISTINCT user, other, named
WITH CASE WHEN /*@nameable*/ THEN CAST(coalesce(/*@name*/CAST(named.`@user_key` AS STRING)) AS STRING) END AS name
RETURN 'friend' AS kind, /*@type*/ AS type, name, count(*) AS count
