// purpose: remove some suggestions that have expired or are of another version
// params:  $now, $version, $limit
// columns: count
// mode:    WRITE
MATCH (:`@user`)-[old:`@type`]->(:`@user`)
WHERE old.expires <= $now OR old.version <> $version
WITH old LIMIT $limit
DELETE old
RETURN count(*) AS count
