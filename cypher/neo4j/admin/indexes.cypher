// purpose: all indexes; dim is of vectors
// params:  none
// columns: name, type, label, property, dim, state
// mode:    READ
SHOW INDEXES YIELD name, type, labelsOrTypes, properties, options, state
RETURN name, type, labelsOrTypes[0] AS label, properties[0] AS property,
  coalesce(options.indexConfig['vector.dimensions'], 0) AS dim, state
ORDER BY name
