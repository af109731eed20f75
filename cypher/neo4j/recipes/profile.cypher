// purpose: to which values of an attribute a user's items lean, against all interactions, most first
// params:  $user, $k
// columns: attribute, value, count, share, base, lift, score
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user})-[/*@targets*/]->(had:`@item`)
WHERE had.`@item_key` IS NOT NULL
WITH user, count(DISTINCT had) AS history
MATCH (other:`@user`)-[/*@targets*/]->(item:`@item`)
WHERE item.`@item_key` IS NOT NULL
WITH history, item, count(*) AS taken, max(CASE WHEN other = user THEN 1 ELSE 0 END) AS own
WITH history, collect({item: item, taken: taken, own: own}) AS items, sum(taken) AS total
UNWIND items AS each
WITH history, total, each.item AS item, each.taken AS taken, each.own AS own
MATCH (item)-[:`@type`]->(value:`@thing`)
WHERE value.`@thing_key` IS NOT NULL
WITH DISTINCT history, total, item, taken, own, value
WITH history, total, value, sum(taken) AS taken, sum(own) AS count
WHERE count > 0
WITH toString(coalesce(/*@name*/value.`@thing_key`)) AS value, count, count * 1.0 / history AS share, taken * 1.0 / total AS base,
  (count + 5.0) / (history * 1.0 * taken / total + 5.0) AS score
RETURN /*@kind*/ AS attribute, value, count, share, base, share / base AS lift, score
ORDER BY score DESC, count DESC, value
LIMIT $k
