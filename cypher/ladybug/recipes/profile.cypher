// purpose: to which values of an attribute a user's items lean, against all interactions, most first
// params:  $user, $k
// columns: attribute, value, count, share, base, lift, score
// mode:    READ
MATCH (:`@user`)-[/*@targets*/]->(seen:`@item`)
WHERE seen.`@item_key` IS NOT NULL
WITH count(*) AS total
MATCH (:`@user` {`@user_key`: $user})-[/*@targets*/]->(had:`@item`)
WHERE had.`@item_key` IS NOT NULL
WITH total, count(DISTINCT had.`@item_key`) AS history
MATCH (other:`@user`)-[/*@targets*/]->(item:`@item`)
WHERE item.`@item_key` IS NOT NULL
WITH total, history, item, count(*) AS taken, max(CASE WHEN other.`@user_key` = $user THEN 1 ELSE 0 END) AS own
MATCH (item)-[:`@type`]->(value:`@thing`)
WHERE value.`@thing_key` IS NOT NULL
WITH DISTINCT total, history, item.`@item_key` AS item_id, taken, own, value
WITH total, history, value, sum(taken) AS taken, sum(own) AS count
WHERE count > 0
WITH CAST(coalesce(/*@name*/CAST(value.`@thing_key` AS STRING)) AS STRING) AS value, count,
  count * 1.0 / history AS share, taken * 1.0 / total AS base,
  (count + 5.0) / (history * 1.0 * taken / total + 5.0) AS score
RETURN /*@kind*/ AS attribute, value, count, share, base, share / base AS lift, score
ORDER BY score DESC, count DESC, value
LIMIT $k
