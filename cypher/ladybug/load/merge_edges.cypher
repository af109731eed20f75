// purpose: create relationships or set their properties; a null leaves what is stored; and name pairs that several join
// params:  $rows
// columns: source, target
// mode:    WRITE
LOAD FROM $rows
MATCH (a:`@source` {`@source_key`: _source})
MATCH (b:`@target` {`@target_key`: _target})
MERGE (a)-[r:`@type`]->(b)
/*@set*/
WITH _source AS source, _target AS target, count(*) AS joined
WHERE joined > 1
RETURN source, target
