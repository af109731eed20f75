// purpose: properties of a table with their types
// params:  none
// columns: name, type
// mode:    READ
CALL table_info(/*@table*/)
RETURN name, type
