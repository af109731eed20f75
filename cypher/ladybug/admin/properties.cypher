// purpose: properties of a table with their types
// params:  none
// columns: name, type, key
// mode:    READ
CALL table_info(/*@table*/)
RETURN *
