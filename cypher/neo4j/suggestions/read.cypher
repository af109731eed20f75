// purpose: what may be suggested to some users now, and whether its reason names somebody who may not be named
// params:  $key, $now
// columns: user, other, score, rank, reason, brief, model, version, created, expires, plain
// mode:    READ
UNWIND $key AS key
MATCH (user:`@user` {`@user_key`: key})-[shown:`@type`]->(other:`@user`)
WHERE shown.expires > $now/*@allowed*/
RETURN key AS user, other.`@user_key` AS other, shown.score AS score, shown.rank AS rank, shown.reason AS reason,
  shown.brief AS brief, shown.model AS model, shown.version AS version, shown.created AS created,
  shown.expires AS expires, any(name IN shown.named WHERE NOT EXISTS {
    MATCH (named:`@user` {`@user_key`: name})
    WHERE /*@nameable*/
  }) AS plain
