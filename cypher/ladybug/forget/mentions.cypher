// purpose: how many suggestions between other people name some users
// params:  $keys
// columns: key, count
// mode:    READ
MATCH (a:`@user`)-[s:`@suggested`]->(b:`@user`)
WHERE NOT a.`@user_key` IN $keys AND NOT b.`@user_key` IN $keys
UNWIND list_distinct([s.named_1, s.named_2, s.named_3]) AS key
WITH key
WHERE key IN $keys
RETURN key, count(*) AS count
