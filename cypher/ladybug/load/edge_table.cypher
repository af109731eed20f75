// purpose: make the table of a relationship type between two labels
// params:  none
// columns: none
// mode:    WRITE
CREATE REL TABLE IF NOT EXISTS `@type`(FROM `@source` TO `@target`)
