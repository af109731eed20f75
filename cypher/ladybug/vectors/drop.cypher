// purpose: remove a property of a label
// params:  none
// columns: none
// mode:    WRITE
ALTER TABLE `@label` DROP IF EXISTS `@property`
