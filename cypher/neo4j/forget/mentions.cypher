// purpose: how many suggestions between other people name some users
// params:  $keys
// columns: key, count
// mode:    READ
MATCH (a:`@user`)-[s:`@suggested`]->(b:`@user`)
WHERE any(key IN s.named WHERE key IN $keys) AND NOT a.`@user_key` IN $keys AND NOT b.`@user_key` IN $keys
UNWIND s.named AS key
WITH key, s
WHERE key IN $keys
RETURN key, count(DISTINCT s) AS count
