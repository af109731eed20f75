"""From frames to recommendations in one embedded file: no server, no configuration.

Run it with: python examples/quickstart.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

import graphrec
from graphrec.models import LightGCN

movielens = Path(__file__).parent / "data" / "ml-latest-small"
items = pd.read_parquet(movielens / "items.parquet")[["item_id", "title"]]
ratings = pd.read_parquet(movielens / "ratings.parquet").rename(columns={"rating": "weight"})

with TemporaryDirectory() as folder, graphrec.connect(Path(folder) / "movies.lbug") as graph:
    # Without a schema, frames have the columns user_id, item_id, weight and timestamp. Users are made as they come.
    print(graph.load(nodes={"Item": items}, edges={"INTERACTED": ratings}, on_missing="create"))

    data = graph.dataset()  # one snapshot, as arrays
    split = data.split("leave-last-out")  # each user's last two ratings are for validation and test
    model = LightGCN(dim=32, epochs=10).fit(split.train, validation=split.validation)
    print(graphrec.evaluate([model], split, metrics=["recall@20", "ndcg@20"]))

    graph.publish(model.refit(data), name="movies")  # on all ratings; the vectors are now on the nodes
    best = graph.recommend([15, 73], k=5)
    print(best.merge(items, left_on="item", right_on="item_id")[["user", "rank", "title", "score"]])
