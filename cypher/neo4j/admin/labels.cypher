// purpose: all labels
// params:  none
// columns: label
// mode:    READ
CALL db.labels() YIELD label
RETURN label
