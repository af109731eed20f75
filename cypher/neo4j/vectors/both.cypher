// purpose: a node that is a user and an item
// params:  none
// columns: key
// mode:    READ
MATCH (n:`@user`:`@item`)
RETURN n.`@user_key` AS key
LIMIT 1
