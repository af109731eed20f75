// purpose: create relationships or set their properties; a null leaves what is stored
// params:  $rows
// columns: none
// mode:    WRITE
LOAD FROM $rows
MATCH (a:`@source` {`@source_key`: _source})
MATCH (b:`@target` {`@target_key`: _target})
MERGE (a)-[r:`@type`]->(b)
/*@set*/
