// purpose: what a user's friends took lately and the user has not seen, best first, with up to three names
// params:  $user, $k
// columns: item_id, score, friends, named
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user})-[/*@ties*/]/*@arrow*/(named:`@user`)
WHERE /*@counted*//*@follows*/
WITH DISTINCT user, named
MATCH (named)-[taken/*@targets*/]->(item:`@item`)
WHERE item.`@item_key` IS NOT NULL AND NOT EXISTS {
  MATCH (user)-[/*@hiding*/]->(item)
  WHERE /*@hides*/true
}
WITH item.`@item_key` AS item_id, named, /*@at*/ AS at, /*@now*/ AS now
// half as much for each half-life that has passed
WITH item_id, named, sum(CASE
  WHEN at IS NULL THEN 0.0
  WHEN at >= now THEN 1.0
  ELSE 0.5 ^ ((now - at) / /*@half_life*/)
END) AS weight
WITH item_id, weight, CASE WHEN /*@nameable*/ THEN toString(coalesce(/*@name*/named.`@user_key`)) END AS name
ORDER BY name
WITH item_id, /*@score*/ AS score, count(*) AS friends, collect(name)[..3] AS named
// by the score rounded to 6 significant digits, then by key
WITH item_id, score, friends, named, CASE WHEN score = 0 THEN 0 ELSE toInteger(floor(log10(score))) END AS exponent
RETURN item_id, score, friends, named
ORDER BY sign(score) * (900000 * (exponent + 400) + floor(score * 10.0 ^ (5 - exponent) + 0.5) - 100000) DESC, item_id
LIMIT $k
