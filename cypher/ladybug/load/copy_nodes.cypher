// purpose: create nodes in bulk; the columns of the rows are the key and the properties, in this order
// params:  $rows
// columns: none
// mode:    WRITE
COPY `@label`(/*@columns*/) FROM $rows
