// purpose: the keys of all users with suggestions
// params:  none
// columns: key
// mode:    READ
MATCH (user:`@user`)-[:`@type`]->(:`@user`)
WHERE user.`@user_key` IS NOT NULL
RETURN DISTINCT user.`@user_key` AS key
