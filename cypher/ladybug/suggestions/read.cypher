// purpose: what may be suggested to some users now
// params:  $rows, $now
// columns: user, other, score, rank, reason, brief, named_1, named_2, named_3, model, version, created, expires
// mode:    READ
LOAD FROM $rows
MATCH (user:`@user` {`@user_key`: _key})-[shown:`@type`]->(other:`@user`)
WHERE shown.expires > $now/*@allowed*/
RETURN _key AS user, other.`@user_key` AS other, shown.score AS score, shown.rank AS rank,
  shown.reason AS reason, shown.brief AS brief, shown.named_1 AS named_1, shown.named_2 AS named_2,
  shown.named_3 AS named_3, shown.model AS model, shown.version AS version, shown.created AS created,
  shown.expires AS expires
