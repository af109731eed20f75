"""A shop's own Neo4j: customers, products, BOUGHT. graphrec reads it as it is, and adds vectors and what they need.

Needs a server: set GRAPHREC_URL (such as neo4j://localhost:7687), GRAPHREC_NEO4J_USER and GRAPHREC_NEO4J_PASSWORD.
The same on the command line, with examples/graphrec.toml:

    graphrec -c examples/graphrec.toml fit && graphrec -c examples/graphrec.toml publish
    graphrec -c examples/graphrec.toml cypher topk
"""

import os
import sys
from pathlib import Path

import graphrec
from graphrec.config import read_config

url = os.environ.get("GRAPHREC_URL")
if not url:
    print("This example needs a Neo4j server: set GRAPHREC_URL, and GRAPHREC_NEO4J_PASSWORD where it asks for one.")
    sys.exit(0)

SHOP = """
UNWIND range(1, 60) AS c
MERGE (customer:Customer {uuid: 'customer-' + c})
WITH customer, c
UNWIND range(0, 7) AS n
WITH customer, c, n, (c % 3) * 15 + (c * 7 + n * n * 11) % 20 AS p
MERGE (product:Product {sku: 'sku-' + p})
SET product.name = 'Product ' + p, product.price = 5 + p
MERGE (customer)-[bought:BOUGHT]->(product)
SET bought.qty = 1 + n % 3, bought.at = datetime('2026-01-01') + duration({days: n, hours: c})
"""

config = read_config(Path(__file__).with_name("graphrec.toml"))
with graphrec.connect(url, schema=config.schema) as graph:
    graph.query(SHOP)  # stands for the shop that you have; leave it out with your own graph

    data = graph.dataset()
    print(data)
    split = data.split(config.rule)
    model = config.model().fit(split.train, validation=split.validation).refit(data)
    print("live:", graph.publish(model, config.name))

    print(graph.recommend(["customer-1"], k=5, model=config.name, where={"cheaper": 30}))

    # The application keeps this text: it finds tomorrow's version by itself.
    cypher = graph.cypher("topk", model=config.name)
    print(cypher)
    print(graph.query(cypher, user="customer-1", k=5))
