"""Dataset to PyTorch Geometric and NetworkX."""
from __future__ import annotations
from typing import TYPE_CHECKING, Any
if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
def to_hetero(data: Dataset) -> Any: ...
def to_networkx(data: Dataset) -> Any: ...
