// purpose: the keys of all users with suggestions
// params:  none
// columns: key
// mode:    READ
MATCH (user:`@user`)
WHERE EXISTS { MATCH (user)-[:`@type`]->(:`@user`) } AND user.`@user_key` IS NOT NULL
RETURN user.`@user_key` AS key
