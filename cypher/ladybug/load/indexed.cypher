// purpose: how many nodes the index finds by these keys
// params:  $rows
// columns: count
// mode:    READ
LOAD FROM $rows
MATCH (n:`@label` {`@key`: _key})
RETURN count(*) AS count
