// purpose: with how many others that have each value of an attribute some nodes took part in interactions
// params:  $keys
// columns: key, value, count
// mode:    READ
MATCH (n:`@source`)/*@from*/[/*@types*/]/*@to*/(other:`@target`)-[:`@type`]->(value:`@thing`)
WHERE n.`@source_key` IN $keys AND other.`@target_key` IS NOT NULL AND value.`@thing_key` IS NOT NULL
RETURN n.`@source_key` AS key, value.`@thing_key` AS value, count(DISTINCT other.`@target_key`) AS count
