"""The models, by class and by name; each is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from graphrec.errors import ArgumentError, near, problem

if TYPE_CHECKING:
    from graphrec.models.als import ALS
    from graphrec.models.biased_mf import BiasedMF
    from graphrec.models.bpr import BPR
    from graphrec.models.cascade import Cascade
    from graphrec.models.cold_start import ColdStart
    from graphrec.models.content import Content
    from graphrec.models.ease import EASE
    from graphrec.models.fitted import FittedVectors
    from graphrec.models.fitted_hybrid import FittedHybrid
    from graphrec.models.fitted_model import FittedModel
    from graphrec.models.fitted_product import FittedProduct
    from graphrec.models.friend_tastes import FriendTastes
    from graphrec.models.fusion import Fusion
    from graphrec.models.hetero_gnn import HeteroGNN
    from graphrec.models.hetero_light import HeteroLight
    from graphrec.models.item_knn import ItemKNN
    from graphrec.models.learned_fusion import LearnedFusion
    from graphrec.models.lightgcn import LightGCN
    from graphrec.models.model import Model
    from graphrec.models.popularity import Popularity
    from graphrec.models.random import Random
    from graphrec.models.rank_fusion import RankFusion
    from graphrec.models.saved import load_model
    from graphrec.models.softmax_gcn import SoftmaxGCN
    from graphrec.models.spectral import Spectral
    from graphrec.models.user_knn import UserKNN

KINDS = {
    "als": "ALS",
    "biased-mf": "BiasedMF",
    "bpr": "BPR",
    "cascade": "Cascade",
    "cold-start": "ColdStart",
    "content": "Content",
    "ease": "EASE",
    "friend-tastes": "FriendTastes",
    "fusion": "Fusion",
    "hetero-gnn": "HeteroGNN",
    "hetero-light": "HeteroLight",
    "item-knn": "ItemKNN",
    "learned-fusion": "LearnedFusion",
    "lightgcn": "LightGCN",
    "popularity": "Popularity",
    "random": "Random",
    "rank-fusion": "RankFusion",
    "softmax-gcn": "SoftmaxGCN",
    "spectral": "Spectral",
    "user-knn": "UserKNN",
}
"""Our classes by the names that the command line, configuration files and saved models use."""

_HOMES = {name: kind.replace("-", "_") for kind, name in KINDS.items()} | {
    "FittedHybrid": "fitted_hybrid",
    "FittedModel": "fitted_model",
    "FittedProduct": "fitted_product",
    "FittedVectors": "fitted",
    "Model": "model",
    "load_model": "saved",
}

__all__ = [
    "ALS",
    "BPR",
    "EASE",
    "KINDS",
    "BiasedMF",
    "Cascade",
    "ColdStart",
    "Content",
    "FittedHybrid",
    "FittedModel",
    "FittedProduct",
    "FittedVectors",
    "FriendTastes",
    "Fusion",
    "HeteroGNN",
    "HeteroLight",
    "ItemKNN",
    "LearnedFusion",
    "LightGCN",
    "Model",
    "Popularity",
    "Random",
    "RankFusion",
    "SoftmaxGCN",
    "Spectral",
    "UserKNN",
    "from_name",
    "load_model",
]


def from_name(kind: str, **fields: Any) -> Model:
    """Return a model by its name, such as ``from_name("lightgcn", dim=32)``.

    Args:
        kind: one of `KINDS`.
        fields: of its configuration.

    Raises:
        ArgumentError: there is no such model, or a field is unknown or impossible.
    """
    known = class_of(kind)
    if known is None:
        raise ArgumentError(problem("kind", "must be a known model", kind, near(str(kind), KINDS)))
    return known(**fields)


def class_of(kind: Any) -> type[Model] | None:
    """Return the class of a kind: one of `KINDS`, or a subclass of `Model` elsewhere, the last that was defined."""
    if not isinstance(kind, str):
        return None
    if kind in KINDS:
        return cast("type[Model]", __getattr__(KINDS[kind]))
    classes: list[type[Model]] = [__getattr__("Model")]
    for each in classes:  # grows while it is gone through
        classes += each.__subclasses__()
    return next((each for each in reversed(classes) if vars(each).get("kind") == kind), None)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'graphrec.models' has no attribute {name!r}")
    return getattr(import_module(f"graphrec.models.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
