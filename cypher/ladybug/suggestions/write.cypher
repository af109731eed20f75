// purpose: write those suggestions that are allowed now
// params:  $rows, $model, $version, $created, $expires
// columns: count
// mode:    WRITE
LOAD FROM $rows
MATCH (user:`@user` {`@user_key`: _user})
MATCH (other:`@user` {`@user_key`: _other})
WHERE true/*@allowed*/
CREATE (user)-[:`@type` {
  score: _score, rank: _rank, reason: _reason, brief: _brief, named_1: _named_1, named_2: _named_2, named_3: _named_3,
  model: $model, version: $version, created: $created, expires: $expires
}]->(other)
RETURN count(*) AS count
