// purpose: how often, with how many others, how much and when some nodes took part in interactions
// params:  $keys
// columns: key, interactions, others, weight, first, last
// mode:    READ
MATCH (n:`@source`)/*@from*/[taken/*@types*/]/*@to*/(other:`@target`)
WHERE n.`@source_key` IN $keys AND other.`@target_key` IS NOT NULL
WITH n.`@source_key` AS key, other.`@target_key` AS other, /*@weight*/ AS weight, /*@at*/ AS at
RETURN key, count(*) AS interactions, count(DISTINCT other) AS others, avg(weight) AS weight, min(at) AS first, max(at) AS last
