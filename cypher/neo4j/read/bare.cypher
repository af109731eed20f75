// purpose: keys of the nodes of a label that lack a property; null of keys of another type than those that have it
// params:  none
// columns: key
// mode:    READ
CALL () {
  OPTIONAL MATCH (served:`@label`)
  WHERE served.`@key` IS NOT NULL AND served.`@property` IS NOT NULL
  RETURN valueType(served.`@key`) AS type LIMIT 1
}
MATCH (n:`@label`)
WHERE n.`@key` IS NOT NULL AND n.`@property` IS NULL
RETURN CASE WHEN type IN ['NULL', valueType(n.`@key`)] THEN n.`@key` END AS key
