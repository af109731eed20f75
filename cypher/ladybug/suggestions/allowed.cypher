// purpose: which people may be suggested to some users now
// params:  $rows, $now
// columns: user, other
// mode:    READ
LOAD FROM $rows
MATCH (user:`@user` {`@user_key`: _user})
MATCH (other:`@user` {`@user_key`: _other})
WHERE $now IS NOT NULL/*@allowed*/
RETURN _user AS user, _other AS other
