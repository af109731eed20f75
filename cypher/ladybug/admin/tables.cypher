// purpose: names and kinds of all tables
// params:  none
// columns: name, kind
// mode:    READ
CALL show_tables()
RETURN name, type AS kind
