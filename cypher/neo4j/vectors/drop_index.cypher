// purpose: drop an index
// params:  none
// columns: none
// mode:    WRITE
DROP INDEX `@index` IF EXISTS
