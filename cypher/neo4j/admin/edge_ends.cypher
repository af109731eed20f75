// purpose: how a relationship type spreads over pairs of labels, from the counts and a sample
// params:  $sample
// columns: out, into, between, sampled
// mode:    READ
WITH COUNT { (:`@source`)-[:`@type`]->() } AS out, COUNT { ()-[:`@type`]->(:`@target`) } AS into
CALL () {
  MATCH (a)-[:`@type`]->(b)
  WITH a, b LIMIT $sample
  RETURN sum(CASE WHEN a:`@source` AND b:`@target` THEN 1 ELSE 0 END) AS between, count(*) AS sampled
}
RETURN out, into, between, sampled
