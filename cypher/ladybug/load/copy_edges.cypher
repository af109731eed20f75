// purpose: create relationships in bulk; the columns of the rows are both keys and the properties, in this order
// params:  $rows
// columns: none
// mode:    WRITE
COPY `@type`(/*@columns*/) FROM $rows (from=/*@source*/, to=/*@target*/)
