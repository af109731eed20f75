// purpose: which edition the server is
// params:  none
// columns: edition
// mode:    READ
CALL dbms.components() YIELD name, edition
WITH name, edition WHERE name = 'Neo4j Kernel'
RETURN edition
