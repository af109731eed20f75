// purpose: let a relationship type also run between these two labels
// params:  none
// columns: none
// mode:    WRITE
ALTER TABLE `@type` ADD IF NOT EXISTS FROM `@source` TO `@target`
