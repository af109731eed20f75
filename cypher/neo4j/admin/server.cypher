// purpose: which server and which database this is
// params:  none
// columns: version, database
// mode:    READ
CALL dbms.components() YIELD name, versions
WITH name, versions WHERE name = 'Neo4j Kernel'
CALL db.info() YIELD name AS database
RETURN versions[0] AS version, database
