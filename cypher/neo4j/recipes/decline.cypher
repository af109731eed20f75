// purpose: a user does not want to be suggested somebody; again, it renews the time
// params:  $user, $other
// columns: declined
// mode:    WRITE
MATCH (user:`@user` {`@user_key`: $user})
MATCH (other:`@user` {`@user_key`: $other})
WHERE user.`@user_key` <> other.`@user_key`
MERGE (user)-[declined:`@declined`]->(other)
SET declined.`@declined_at` = /*@at*/
RETURN count(*) AS declined
