// purpose: what a user has seen, by key
// params:  $user
// columns: item_id
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user})-[/*@hiding*/]->(item:`@item`)
WHERE /*@hides*/item.`@item_key` IS NOT NULL
RETURN DISTINCT item.`@item_key` AS item_id
ORDER BY item_id
