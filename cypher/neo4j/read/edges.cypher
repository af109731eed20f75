// purpose: relationships of a type, one row per source node; an empty map stands for null
// params:  none
// columns: source, targets, weights, times
// mode:    READ
MATCH (a:`@source`)
CALL (a) {
  MATCH (a)-[r:`@type`]->(b:`@target`)
  RETURN collect(id(b)) AS targets, /*@weights*/ AS weights, /*@times*/ AS times
}
WITH a, targets, weights, times
WHERE size(targets) > 0
RETURN id(a) AS source, targets, weights, times
