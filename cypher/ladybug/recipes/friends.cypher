// purpose: people suggested to a user, best first, as long as they may be
// params:  $user, $k
// columns: user_id, score, rank, reason, model, version, created, expires
// mode:    READ
MATCH (user:`@user` {`@user_key`: $user})-[shown:`@type`]->(other:`@user`)
WHERE shown.expires > /*@now*//*@allowed*/
WITH user, other, shown ORDER BY shown.rank, other.`@user_key` LIMIT $k
// a reason that names somebody who may not be named any more gives way to its brief form
UNWIND [shown.named_1, shown.named_2, shown.named_3] AS name
OPTIONAL MATCH (named:`@user` {`@user_key`: name})
WHERE /*@nameable*/
WITH other.`@user_key` AS user_id, shown.rank AS rank, shown.score AS score, shown.reason AS reason,
  shown.brief AS brief, shown.model AS model, shown.version AS version, shown.created AS created,
  shown.expires AS expires, name, named.`@user_key` AS fine
WITH user_id, rank, score, reason, brief, model, version, created, expires, count(name) AS wanted, count(fine) AS fine
WITH collect({
  user_id: user_id, rank: rank, score: score, reason: CASE WHEN fine < wanted THEN brief ELSE reason END,
  model: model, version: version, created: created, expires: expires
}) AS rows, collect(rank) AS ranks
UNWIND rows AS row
WITH row, ranks, struct_extract(row, 'rank') AS mine
RETURN struct_extract(row, 'user_id') AS user_id, struct_extract(row, 'score') AS score,
  CAST(size(list_filter(ranks, r -> r <= mine)) AS INT64) AS rank, struct_extract(row, 'reason') AS reason,
  struct_extract(row, 'model') AS model, struct_extract(row, 'version') AS version,
  struct_extract(row, 'created') AS created, struct_extract(row, 'expires') AS expires
ORDER BY rank, user_id
