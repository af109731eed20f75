// purpose: which of some keys are users'
// params:  $rows
// columns: key
// mode:    READ
LOAD FROM $rows
MATCH (user:`@user` {`@user_key`: _key})
RETURN DISTINCT user.`@user_key` AS key
