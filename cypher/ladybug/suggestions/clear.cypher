// purpose: remove all suggestions to the users in a state
// params:  $state
// columns: none
// mode:    WRITE
MATCH (user:`@user`)-[old:`@type`]->(:`@user`)
WHERE user.`@state` = $state
DELETE old
