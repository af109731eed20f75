// purpose: build the index of a label's key
// params:  none
// columns: none
// mode:    WRITE
CREATE HASH INDEX `_PK` IF NOT EXISTS FOR (n:`@label`) ON (n.`@key`)
