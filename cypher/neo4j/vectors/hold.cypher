// purpose: renew the lease of a model's lock, and tell whether it is still held
// params:  $model, $token, $until
// columns: held
// mode:    WRITE
MATCH (m:GraphrecModel {name: $model})
SET m.lock_until = $until
WITH m
RETURN coalesce(m.lock = $token, false) AS held
