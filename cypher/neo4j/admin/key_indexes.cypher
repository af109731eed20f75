// purpose: indexes that find a node by a property, and whether a constraint owns them
// params:  none
// columns: label, properties, state, constrained
// mode:    READ
SHOW RANGE INDEXES YIELD entityType, labelsOrTypes, properties, state, owningConstraint
WHERE entityType = 'NODE'
RETURN labelsOrTypes[0] AS label, properties, state, owningConstraint IS NOT NULL AS constrained
