// purpose: how many interactions are with nodes that have some values of an attribute
// params:  $keys
// columns: value, count
// mode:    READ
MATCH (:`@source`)/*@from*/[/*@types*/]/*@to*/(other:`@target`)
WHERE other.`@target_key` IS NOT NULL
WITH other, count(*) AS taken
MATCH (other)-[:`@type`]->(value:`@thing`)
WHERE value.`@thing_key` IN $keys
WITH DISTINCT other.`@target_key` AS other, taken, value.`@thing_key` AS value
RETURN value, sum(taken) AS count
