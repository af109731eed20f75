// purpose: people who have an item and let themselves be shown, by key
// params:  $item, $k
// columns: user_id, name
// mode:    READ
MATCH (named:`@user`)-[/*@targets*/]->(:`@item` {`@item_key`: $item})
WHERE /*@nameable*/
WITH DISTINCT named
RETURN named.`@user_key` AS user_id, toString(coalesce(/*@name*/named.`@user_key`)) AS name
ORDER BY user_id
LIMIT $k
