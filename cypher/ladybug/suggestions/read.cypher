// purpose: what may be suggested to some users now
// params:  $rows, $now
// columns: user, other, score, rank, reason, brief, named, model, version, created, expires
// mode:    READ
LOAD FROM $rows
MATCH (user:`@user` {`@user_key`: _key})-[shown:`@type`]->(other:`@user`)
WHERE shown.expires > $now/*@allowed*/
RETURN _key AS user, other.`@user_key` AS other, shown.score AS score, shown.rank AS rank,
  shown.reason AS reason, shown.brief AS brief, shown.named AS named, shown.model AS model,
  shown.version AS version, shown.created AS created, shown.expires AS expires
