// purpose: remove the index of a label's key
// params:  none
// columns: none
// mode:    WRITE
DROP INDEX `@label`.`_PK`
