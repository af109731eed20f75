// purpose: people who have an item and may be suggested to a user, by friends, then items, that both have
// params:  $user, $item, $k
// columns: user_id, name, friends, items
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user}), (:`@item` {`@item_key`: $item})<-[/*@targets*/]-(other:`@user`)
WHERE other.`@user_key` IS NOT NULL/*@allowed*/
WITH DISTINCT user, other
OPTIONAL MATCH (user)-[/*@ties*/]/*@arrow*/(named:`@user`)-[/*@ties*/]/*@arrow*/(other)
WHERE named.`@user_key` <> other.`@user_key` AND /*@counted*//*@follows*//*@followed*/
WITH user, other, count(DISTINCT named.`@user_key`) AS friends
OPTIONAL MATCH (user)-[/*@targets*/]->(item:`@item`)<-[/*@targets*/]-(other)
WITH other AS named, friends, count(DISTINCT item.`@item_key`) AS items
RETURN named.`@user_key` AS user_id,
  CASE WHEN /*@nameable*/ THEN CAST(coalesce(/*@name*/CAST(named.`@user_key` AS STRING)) AS STRING) END AS name, friends, items
ORDER BY friends DESC, items DESC, user_id
LIMIT $k
