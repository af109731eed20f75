// purpose: make the table of a label with its key
// params:  none
// columns: none
// mode:    WRITE
CREATE NODE TABLE IF NOT EXISTS `@label`(`@key` /*@type*/ PRIMARY KEY)
