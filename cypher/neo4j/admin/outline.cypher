// purpose: labels, and types between them, as a small graph; may name pairs that do not occur
// params:  none
// columns: nodes, relationships
// mode:    READ
CALL db.schema.visualization() YIELD nodes, relationships
RETURN nodes, relationships
