// purpose: which of some keys are users'
// params:  $key
// columns: key
// mode:    READ
UNWIND $key AS key
MATCH (user:`@user` {`@user_key`: key})
RETURN DISTINCT user.`@user_key` AS key
