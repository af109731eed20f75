// purpose: what was suggested to some users and has not expired; the bounds of their keys save most of the search
// params:  $keys, $least, $most, $now
// columns: user, other, score, rank, reason, brief, named_1, named_2, named_3, model, version, created, expires
// mode:    READ
MATCH (user:`@user`)-[shown:`@type`]->(other:`@user`)
WHERE user.`@user_key` >= $least AND user.`@user_key` <= $most AND user.`@user_key` IN $keys AND shown.expires > $now
RETURN user.`@user_key` AS user, other.`@user_key` AS other, shown.score AS score, shown.rank AS rank,
  shown.reason AS reason, shown.brief AS brief, shown.named_1 AS named_1, shown.named_2 AS named_2,
  shown.named_3 AS named_3, shown.model AS model, shown.version AS version, shown.created AS created,
  shown.expires AS expires
