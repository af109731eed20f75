// purpose: remove all suggestions to some users, and set the state in which the new ones were made
// params:  $key, $state
// columns: count
// mode:    WRITE
UNWIND range(0, size($key) - 1) AS row
MATCH (user:`@user` {`@user_key`: $key[row]})
SET user.`@state` = $state[row]
WITH user
OPTIONAL MATCH (user)-[old:`@type`]->(:`@user`)
DELETE old
RETURN count(old) AS count
