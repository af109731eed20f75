from __future__ import annotations

import pytest
from pydantic import ValidationError

from graphrec.data.closed import Closed
from graphrec.errors import ArgumentError


class Point(Closed):
    x: float = 1.0
    y: float = 2.0


def test_every_fault_is_named_and_nothing_changes_afterwards() -> None:
    with pytest.raises(ArgumentError, match=r"`x` [^\n]*nan[^\n]*default is 1\.0[^\n]*\n`z` is not a field of Point"):
        Point(x=float("nan"), z=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="frozen"):
        Point().x = 3.0
