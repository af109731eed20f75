// purpose: people who have an item and let themselves be shown, by key
// params:  $item, $k
// columns: user_id, name
// mode:    READ
MATCH (:`@item` {`@item_key`: $item})<-[/*@targets*/]-(named:`@user`)
WHERE /*@nameable*/
WITH DISTINCT named
RETURN named.`@user_key` AS user_id, CAST(coalesce(/*@name*/CAST(named.`@user_key` AS STRING)) AS STRING) AS name
ORDER BY user_id
LIMIT $k
