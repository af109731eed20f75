// purpose: people who have an item and may be suggested to a user, by friends, then items, that both have
// params:  $user, $item, $k
// columns: user_id, name, friends, items
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user})
MATCH (other:`@user`)-[/*@targets*/]->(:`@item` {`@item_key`: $item})
WHERE other.`@user_key` IS NOT NULL/*@allowed*/
WITH DISTINCT user, other
OPTIONAL MATCH (user)-[/*@ties*/]/*@arrow*/(named:`@user`)-[/*@ties*/]/*@arrow*/(other)
WHERE named <> other AND /*@counted*//*@follows*//*@followed*/
WITH user, other, count(DISTINCT named) AS friends
OPTIONAL MATCH (user)-[/*@targets*/]->(item:`@item`)<-[/*@targets*/]-(other)
WITH other AS named, friends, count(DISTINCT item) AS items
RETURN named.`@user_key` AS user_id, CASE WHEN /*@nameable*/ THEN toString(coalesce(/*@name*/named.`@user_key`)) END AS name,
  friends, items
ORDER BY friends DESC, items DESC, user_id
LIMIT $k
