// purpose: remove all suggestions to some users
// params:  $rows
// columns: none
// mode:    WRITE
LOAD FROM $rows
MATCH (user:`@user` {`@user_key`: _key})-[old:`@type`]->(:`@user`)
DELETE old
