// purpose: let a bounded number of suggestions that name some users name nobody
// params:  $keys, $limit
// columns: count
// mode:    WRITE
MATCH (:`@user`)-[s:`@suggested`]->(:`@user`)
WHERE list_has_any(s.named, $keys)
WITH s LIMIT $limit
SET s.reason = s.brief, s.named = []
RETURN count(*) AS count
