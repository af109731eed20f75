"""From a social graph to suggestions of people: LastFM Asia in an embedded file (needs graphrec[friends,report]).

Evaluates on ties that were held out, runs the job as each night does, reads what an application would read, and draws
one user's neighbourhood with the people suggested to them.
"""

import sys
import tempfile
from pathlib import Path

import pandas as pd

import graphrec
from graphrec import Attribute, GraphSchema, Node, Social, Suggestions
from graphrec.report.neighbourhood import neighbourhood
from graphrec.social.friends import Friends
from graphrec.social.people import hold_out_ties

DATA = Path(__file__).parent / "data" / "lastfm_asia"
SCHEMA = GraphSchema(
    user=Node("User", "user_id"),
    attributes=[Attribute("LIVES_IN", to=Node("Country", "name"), of="user")],
    social=[Social("FOLLOWS_BACK")],
    suggestions=Suggestions(blocks=["BLOCKED"], declined="DECLINED", declined_days=90, opted_out="opted_out"),
)


def main(folder: Path) -> None:
    """Go the whole way in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    users = pd.read_parquet(DATA / "users.parquet").astype({"user_id": str, "country": str})
    ties = pd.read_parquet(DATA / "friends.parquet").astype(str)
    lives_in = users.rename(columns={"user_id": "source", "country": "target"})
    with graphrec.connect(folder / "friends.lbug", schema=SCHEMA) as graph:
        graph.load(
            {"User": users[["user_id"]], "Country": pd.DataFrame({"name": users["country"].unique()})},
            {"FOLLOWS_BACK": ties, "LIVES_IN": lives_in},
        )

        # How good is it? Hide a tenth of the ties, and see how many come back.
        data = graph.dataset(people=True)
        split = hold_out_ties(data, validation=0)
        plain, blend = (Friends(by=by, rounds=1, trees=60).fit(split.train) for by in ("adamic-adar", "blend"))
        print(graphrec.evaluate([plain, blend], split, ["recall@20", "mrr@20", "ndcg@20"]), "\n")

        # The nightly job.
        report = graph.suggest_friends(Friends(rounds=1, trees=60), k=10, days=7)
        for name, value in report.rows():
            print(f"{name:28} {value}")

        # What an application reads; someone who is declined does not come back.
        someone = ties["source"].value_counts().index[500]
        shown = graph.friends([someone], 5)
        print(f"\nSuggested to user {someone}:\n{shown[['suggested', 'score', 'reason']].to_string(index=False)}")
        declined = shown["suggested"].iloc[0]
        graph.decline(someone, declined)
        assert declined not in set(graph.friends([someone], 10)["suggested"])

        picture = neighbourhood(data, someone, graph.friends([someone], 5))
        picture.write_html(folder / "neighbourhood.html", include_plotlyjs=True)
        print(f"\nTheir neighbourhood: {folder / 'neighbourhood.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
