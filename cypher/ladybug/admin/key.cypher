// purpose: the key of a label with its type
// params:  none
// columns: name, type
// mode:    READ
CALL table_info(/*@table*/)
WHERE `primary key`
RETURN name, type
