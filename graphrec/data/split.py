"""Hold out interactions for validation and test, without leaks."""
from __future__ import annotations
from typing import TYPE_CHECKING, Any
if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
class Split: ...
def split(data: Dataset, rule: str, **options: Any) -> Split: ...  # type: ignore[empty-body]
