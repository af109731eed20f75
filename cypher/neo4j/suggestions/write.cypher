// purpose: write those suggestions that are allowed now
// params:  $user, $other, $score, $rank, $reason, $brief, $named, $model, $version, $created, $expires
// columns: count
// mode:    WRITE
UNWIND range(0, size($user) - 1) AS row
MATCH (user:`@user` {`@user_key`: $user[row]})
MATCH (other:`@user` {`@user_key`: $other[row]})
WHERE true/*@allowed*/
CREATE (user)-[:`@type` {
  score: $score[row], rank: $rank[row], reason: $reason[row], brief: $brief[row], named: $named[row],
  model: $model, version: $version, created: $created, expires: $expires
}]->(other)
RETURN count(*) AS count
