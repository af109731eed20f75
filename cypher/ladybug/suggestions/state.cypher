// purpose: set the state in which the suggestions to some users were made
// params:  $rows
// columns: none
// mode:    WRITE
LOAD FROM $rows
MATCH (user:`@user` {`@user_key`: _key})
SET user.`@state` = _state
