// purpose: the pairs of labels that a relationship type runs between
// params:  none
// columns: source, target
// mode:    READ
CALL show_connection(/*@table*/)
RETURN `source table name` AS source, `destination table name` AS target
