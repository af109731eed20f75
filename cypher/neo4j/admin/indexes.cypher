// purpose: vector indexes
// params:  none
// columns: name, label, property, dim, state
// mode:    READ
SHOW VECTOR INDEXES YIELD name, labelsOrTypes, properties, options, state
RETURN name, labelsOrTypes[0] AS label, properties[0] AS property,
  coalesce(options.indexConfig['vector.dimensions'], 0) AS dim, state
ORDER BY name
