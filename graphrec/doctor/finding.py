"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: what was looked at.
        status: ``"ok"``; ``"warn"``, it works but not for long or not well; ``"fail"``, something cannot work.
        text: what was found.
        remedy: what to do about it; empty where all is well.
    """

    name: str
    status: Status
    text: str
    remedy: str = ""
