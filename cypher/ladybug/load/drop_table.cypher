// purpose: remove the table of a label or relationship type
// params:  none
// columns: none
// mode:    WRITE
DROP TABLE `@table`
