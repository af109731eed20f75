// purpose: let a bounded number of suggestions that name some users name nobody
// params:  $keys, $limit
// columns: count
// mode:    WRITE
MATCH (:`@user`)-[s:`@suggested`]->(:`@user`)
WHERE s.named_1 IN $keys OR s.named_2 IN $keys OR s.named_3 IN $keys
WITH s LIMIT $limit
SET s.reason = s.brief, s.named_1 = NULL, s.named_2 = NULL, s.named_3 = NULL
RETURN count(*) AS count
