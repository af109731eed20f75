// purpose: the places of both ends of all relationships of a type, and chosen properties
// params:  none
// columns: source, target
// mode:    READ
MATCH (a:`@source`)-[r:`@type`]->(b:`@target`)
RETURN offset(id(a)) AS source, offset(id(b)) AS target/*@columns*/
