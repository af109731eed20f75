// purpose: renew the lease on a model where its lock still carries the token
// params:  $model, $token, $until
// columns: held
// mode:    WRITE
MATCH (m:GraphrecModel {name: $model})
WHERE m.lock = $token
SET m.lock_until = $until
RETURN count(*) AS held
