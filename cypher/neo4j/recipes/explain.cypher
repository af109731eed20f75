// purpose: what each item of a user's history adds to the score of an item; the user's own part stands without one
// params:  $user, $item
// columns: because, part
// mode:    READ
MATCH (model:GraphrecModel {name: /*@model*/})
MATCH (user:`@user` {`@user_key`: $user})
MATCH (item:`@item` {`@item_key`: $item})
WITH model, user, CASE model.live WHEN 'a' THEN user.`@vector_a` WHEN 'b' THEN user.`@vector_b` END AS query,
  CASE model.live WHEN 'a' THEN item.`@vector_a` WHEN 'b' THEN item.`@vector_b` END AS vector
WHERE vector IS NOT NULL
WITH model, query, vector, COLLECT {
  MATCH (user)-[/*@targets*/]->(had:`@item`)
  WHERE model.fold_in AND CASE model.live WHEN 'a' THEN had.`@vector_a` WHEN 'b' THEN had.`@vector_b` END IS NOT NULL
  RETURN DISTINCT had
} AS history
WITH model, query, vector, [had IN history | {because: had.`@item_key`, part: model.scale / sqrt(size(history)) *
  reduce(sum = 0.0, j IN range(0, model.dim - 1) | sum + vector[j] * coalesce(
    CASE model.live WHEN 'a' THEN had.`@fold_in_a` WHEN 'b' THEN had.`@fold_in_b` END[j], 0.0))}] AS parts
WITH parts, reduce(sum = 0.0, each IN parts | sum + each.part) AS folded_in,
  model.scale * reduce(sum = 0.0, j IN range(0, model.dim - 1) | sum + vector[j] * query[j]) AS score
WHERE score IS NOT NULL OR size(parts) > 0
UNWIND [{because: null, part: coalesce(score - folded_in, 0.0)}] + parts AS each
RETURN each.because AS because, each.part AS part
ORDER BY because IS NULL DESC, part DESC, because
