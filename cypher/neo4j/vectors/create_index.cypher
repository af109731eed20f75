// purpose: make an index of lifted vectors; m = 32 and no quantization, else its recall is poor
// params:  $dim
// columns: none
// mode:    WRITE
CREATE VECTOR INDEX `@property` IF NOT EXISTS FOR (n:`@label`) ON n.`@property`
OPTIONS {indexConfig: {
  `vector.dimensions`: $dim,
  `vector.similarity_function`: 'cosine',
  `vector.quantization.enabled`: false,
  `vector.hnsw.m`: 32,
  `vector.hnsw.ef_construction`: 200
}}
