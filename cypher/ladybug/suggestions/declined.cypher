// purpose: who has declined whom, as far as the decline has not ended; one without a readable time does not end
// params:  $now
// columns: source, target
// mode:    READ
MATCH (user:`@user`)-[declined:`@declined`]->(other:`@user`)
WHERE NOT coalesce(/*@at*/ <= $now, false) AND user.`@user_key` IS NOT NULL AND other.`@user_key` IS NOT NULL
RETURN DISTINCT user.`@user_key` AS source, other.`@user_key` AS target
