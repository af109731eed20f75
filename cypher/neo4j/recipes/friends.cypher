// purpose: people suggested to a user, best first, as long as they may be
// params:  $user, $k
// columns: user_id, score, rank, reason, model, version, created, expires
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user})-[shown:`@type`]->(other:`@user`)
WHERE shown.expires > /*@now*//*@allowed*/
WITH user, other, shown ORDER BY shown.rank, other.`@user_key` LIMIT $k
// a reason that names somebody who may not be named any more gives way to its brief form
WITH other, shown, any(name IN shown.named WHERE NOT EXISTS {
  MATCH (named:`@user` {`@user_key`: name})
  WHERE /*@nameable*/
}) AS plain
WITH collect([other, shown, plain]) AS rows, collect(shown.rank) AS ranks
UNWIND rows AS row
WITH row[0] AS other, row[1] AS shown, row[2] AS plain, ranks
RETURN other.`@user_key` AS user_id, shown.score AS score, size([r IN ranks WHERE r <= shown.rank]) AS rank,
  CASE WHEN plain THEN shown.brief ELSE shown.reason END AS reason, shown.model AS model,
  shown.version AS version, shown.created AS created, shown.expires AS expires
ORDER BY rank, user_id
