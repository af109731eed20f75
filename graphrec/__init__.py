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
    from graphrec.evaluation.crossvalidate import cross_validate
    from graphrec.evaluation.evaluate import evaluate
    from graphrec.graph import Graph, connect
    from graphrec.models.fitted import load_model
    from graphrec.rank.recommend import recommend, similar
    from graphrec.schema import Attribute, Feature, Filter, GraphSchema, Interaction, Node, Social, Suggestions
    from graphrec.tuning.tune import tune

_HOMES = {
    "Attribute": "schema",
    "Dataset": "data.dataset",
    "Feature": "schema",
    "Filter": "schema",
    "Graph": "graph",
    "GraphSchema": "schema",
    "Interaction": "schema",
    "Node": "schema",
    "Social": "schema",
    "Suggestions": "schema",
    "connect": "graph",
    "cross_validate": "evaluation.crossvalidate",
    "dataset_from_frames": "data.frames",
    "evaluate": "evaluation.evaluate",
    "load_model": "models.fitted",
    "recommend": "rank.recommend",
    "similar": "rank.recommend",
    "tune": "tuning.tune",
}

__all__ = [
    "Attribute",
    "Dataset",
    "Feature",
    "Filter",
    "Graph",
    "GraphSchema",
    "Interaction",
    "Node",
    "Social",
    "Suggestions",
    "__version__",
    "connect",
    "cross_validate",
    "dataset_from_frames",
    "evaluate",
    "load_model",
    "recommend",
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
