"""A user nobody has seen yet, known by a few items only: recommended to at once, without training again.

Run it with: python examples/fold_in.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

import graphrec
from graphrec.models import LightGCN

movielens = Path(__file__).parent / "data" / "ml-latest-small"
titles = pd.read_parquet(movielens / "items.parquet").set_index("item_id")["title"]
ratings = pd.read_parquet(movielens / "ratings.parquet").rename(columns={"rating": "weight"})

with TemporaryDirectory() as folder, graphrec.connect(Path(folder) / "movies.lbug") as graph:
    graph.load(edges={"INTERACTED": ratings}, on_missing="create")
    graph.publish(LightGCN(dim=32, epochs=5).fit(graph.dataset()), name="movies")

    # A list of items stands where a user's key would: these people are not in the graph.
    newcomers = {"space": [260, 1196, 1210], "cartoons": [1, 364, 588]}
    for name, watched in newcomers.items():
        found = graph.recommend([watched], k=5)
        print(f"\n{name}: watched {', '.join(titles[watched])}")
        for row in found.itertuples():
            print(f"  {row.score:6.3f}  {titles[row.item]}")
