"""graphrec: a recommender that lives in the graph database.

The public names are loaded when they are first used, so that ``import graphrec`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
    from graphrec.data.frames import dataset_from_frames
    from graphrec.data.new_user import NewUser
    from graphrec.evaluation.crossvalidate import cross_validate
    from graphrec.evaluation.evaluate import evaluate
    from graphrec.evaluation.rerank_costs import rerank_costs
    from graphrec.graph import Graph, connect
    from graphrec.models.saved import load_model
    from graphrec.rank.calibrated import Calibrated
    from graphrec.rank.explain import explain
    from graphrec.rank.explore import Explore
    from graphrec.rank.exposure import ExposureCap
    from graphrec.rank.mmr import MMR
    from graphrec.rank.popularity_penalty import PopularityPenalty
    from graphrec.rank.profile import profile
    from graphrec.rank.recommend import recommend, similar
    from graphrec.rank.reranked import Reranked
    from graphrec.schema import Attribute, Feature, Filter, GraphSchema, Interaction, Node, Social, Suggestions
    from graphrec.tuning.tune import tune

_HOMES = {
    "Attribute": "schema",
    "Calibrated": "rank.calibrated",
    "Dataset": "data.dataset",
    "Explore": "rank.explore",
    "ExposureCap": "rank.exposure",
    "Feature": "schema",
    "Filter": "schema",
    "Graph": "graph",
    "GraphSchema": "schema",
    "Interaction": "schema",
    "MMR": "rank.mmr",
    "NewUser": "data.new_user",
    "Node": "schema",
    "PopularityPenalty": "rank.popularity_penalty",
    "Reranked": "rank.reranked",
    "Social": "schema",
    "Suggestions": "schema",
    "connect": "graph",
    "cross_validate": "evaluation.crossvalidate",
    "dataset_from_frames": "data.frames",
    "evaluate": "evaluation.evaluate",
    "explain": "rank.explain",
    "load_model": "models.saved",
    "profile": "rank.profile",
    "recommend": "rank.recommend",
    "rerank_costs": "evaluation.rerank_costs",
    "similar": "rank.recommend",
    "tune": "tuning.tune",
}

__all__ = [
    "MMR",
    "Attribute",
    "Calibrated",
    "Dataset",
    "Explore",
    "ExposureCap",
    "Feature",
    "Filter",
    "Graph",
    "GraphSchema",
    "Interaction",
    "NewUser",
    "Node",
    "PopularityPenalty",
    "Reranked",
    "Social",
    "Suggestions",
    "__version__",
    "connect",
    "cross_validate",
    "dataset_from_frames",
    "evaluate",
    "explain",
    "load_model",
    "profile",
    "recommend",
    "rerank_costs",
    "similar",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'graphrec' has no attribute {name!r}")
    value = getattr(import_module(f"graphrec.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
