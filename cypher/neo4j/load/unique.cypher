// purpose: make a key unique
// params:  none
// columns: none
// mode:    WRITE
CREATE CONSTRAINT IF NOT EXISTS FOR (n:`@label`) REQUIRE n.`@key` IS UNIQUE
