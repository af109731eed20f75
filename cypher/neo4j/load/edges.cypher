// purpose: create relationships or set their properties ($p2, $p3, ...: a list each); name a row whose pair several join
// params:  $source, $target
// columns: count, doubled
// mode:    WRITE
UNWIND range(0, size($source) - 1) AS row
MATCH (a:`@source` {`@source_key`: $source[row]})
MATCH (b:`@target` {`@target_key`: $target[row]})
MERGE (a)-[r:`@type`]->(b)
/*@set*/
WITH row, count(*) AS joined
RETURN count(*) AS count, head(collect(CASE WHEN joined > 1 THEN row END)) AS doubled
