// purpose: what each item of a user's history adds to the score of an item; the user's own part stands without one
// params:  $user, $item
// columns: because, part
// mode:    READ
MATCH (model:GraphrecModel {name: /*@model*/, live: 'a'}), (user:`@user` {`@user_key`: $user}),
  (item:`@item` {`@item_key`: $item})
WHERE item.`@vector_a` IS NOT NULL
OPTIONAL MATCH (user)-[/*@targets*/]->(had:`@item`)
WHERE had.`@vector_a` IS NOT NULL AND model.fold_in
WITH DISTINCT array_inner_product(item.`@vector_a`, user.`@vector_a`) AS score, had.`@item_key` AS because,
  CASE WHEN had.`@fold_in_a` IS NULL THEN 0.0 ELSE array_inner_product(item.`@vector_a`, had.`@fold_in_a`) END AS raw
WITH score, count(because) AS items, sum(raw) AS total, max(because) AS last
WHERE score IS NOT NULL OR items > 0
RETURN CASE WHEN items < 0 THEN last END AS because,
  CASE WHEN score IS NULL THEN 0.0 WHEN items = 0 THEN score ELSE score - total / sqrt(items) END AS part
UNION ALL
MATCH (model:GraphrecModel {name: /*@model*/, live: 'a'}), (item:`@item` {`@item_key`: $item}),
  (:`@user` {`@user_key`: $user})-[/*@targets*/]->(had:`@item`)
WHERE item.`@vector_a` IS NOT NULL AND had.`@vector_a` IS NOT NULL AND model.fold_in
WITH DISTINCT had.`@item_key` AS because,
  CASE WHEN had.`@fold_in_a` IS NULL THEN 0.0 ELSE array_inner_product(item.`@vector_a`, had.`@fold_in_a`) END AS raw
WITH collect(because) AS items, collect(raw) AS raws
UNWIND range(1, size(items)) AS i
RETURN items[i] AS because, raws[i] / sqrt(size(items)) AS part
ORDER BY part DESC, because
UNION ALL
MATCH (model:GraphrecModel {name: /*@model*/, live: 'b'}), (user:`@user` {`@user_key`: $user}),
  (item:`@item` {`@item_key`: $item})
WHERE item.`@vector_b` IS NOT NULL
OPTIONAL MATCH (user)-[/*@targets*/]->(had:`@item`)
WHERE had.`@vector_b` IS NOT NULL AND model.fold_in
WITH DISTINCT array_inner_product(item.`@vector_b`, user.`@vector_b`) AS score, had.`@item_key` AS because,
  CASE WHEN had.`@fold_in_b` IS NULL THEN 0.0 ELSE array_inner_product(item.`@vector_b`, had.`@fold_in_b`) END AS raw
WITH score, count(because) AS items, sum(raw) AS total, max(because) AS last
WHERE score IS NOT NULL OR items > 0
RETURN CASE WHEN items < 0 THEN last END AS because,
  CASE WHEN score IS NULL THEN 0.0 WHEN items = 0 THEN score ELSE score - total / sqrt(items) END AS part
UNION ALL
MATCH (model:GraphrecModel {name: /*@model*/, live: 'b'}), (item:`@item` {`@item_key`: $item}),
  (:`@user` {`@user_key`: $user})-[/*@targets*/]->(had:`@item`)
WHERE item.`@vector_b` IS NOT NULL AND had.`@vector_b` IS NOT NULL AND model.fold_in
WITH DISTINCT had.`@item_key` AS because,
  CASE WHEN had.`@fold_in_b` IS NULL THEN 0.0 ELSE array_inner_product(item.`@vector_b`, had.`@fold_in_b`) END AS raw
WITH collect(because) AS items, collect(raw) AS raws
UNWIND range(1, size(items)) AS i
RETURN items[i] AS because, raws[i] / sqrt(size(items)) AS part
ORDER BY part DESC, because
