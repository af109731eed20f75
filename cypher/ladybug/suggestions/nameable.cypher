// purpose: which people may be named in reasons that some users read
// params:  $rows
// columns: user, named
// mode:    READ
LOAD FROM $rows
MATCH (user:`@user` {`@user_key`: _user})
MATCH (named:`@user` {`@user_key`: _named})
WHERE /*@nameable*/
RETURN _user AS user, _named AS named
