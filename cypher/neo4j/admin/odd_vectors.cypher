// purpose: how many nodes hold in a vector's property something else than so many numbers; some nodes are looked at
// params:  $width, $sample
// columns: odd
// mode:    READ
MATCH (n:`@label`)
WHERE n.`@property` IS NOT NULL
WITH n.`@property` AS vector
LIMIT $sample
WITH vector
WHERE CASE WHEN vector IS :: LIST<FLOAT NOT NULL> NOT NULL THEN size(vector) ELSE -1 END <> $width
RETURN count(*) AS odd
