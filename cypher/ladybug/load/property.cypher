// purpose: make a property of a table
// params:  none
// columns: none
// mode:    WRITE
ALTER TABLE `@table` ADD IF NOT EXISTS `@property` /*@type*/
