"""Open a store from a URL or a path; secrets come from arguments or the environment, never from the URL."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from graphrec.errors import ArgumentError, problem

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec.store.protocol import GraphStore

_NEO4J = frozenset({"neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"})


def open_store(
    url: str | Path,
    *,
    auth: tuple[str, str] | None = None,
    database: str | None = None,
    read_only: bool = False,
) -> GraphStore:
    """Open the database behind ``url``.

    Args:
        url: ``neo4j://host:7687`` (or ``bolt://``, ``neo4j+s://`` ...) for Neo4j; any other text is the path of an
            embedded graph file, made where it does not exist; ``~`` is the home.
        auth: user and password for Neo4j; else ``GRAPHREC_NEO4J_USER`` (default ``neo4j``) and
            ``GRAPHREC_NEO4J_PASSWORD``; without a password no authentication is tried.
        database: Neo4j's database; None for the user's home database.
        read_only: open an embedded file for reading only.

    Raises:
        ArgumentError: the URL holds a password or names an unknown scheme.
        ConnectionFailedError: the database cannot be reached or opened.
    """
    text = os.path.expanduser(url) if isinstance(url, str | os.PathLike) else ""
    if not text or "\0" in text:
        rule = "must be a path such as 'movies.lbug' or an address such as 'neo4j://localhost:7687'"
        raise ArgumentError(problem("url", rule, url))
    scheme, separator, _ = text.partition("://")
    if not separator:
        if re.fullmatch(r"[\w.-]+:\d+/?", text):
            raise ArgumentError(
                problem("url", "must say what answers at an address", url, f"Write 'neo4j://{text}'.")
            )
        from graphrec.store.ladybug import LadybugStore

        return LadybugStore(text, read_only=read_only)
    if scheme not in _NEO4J:
        raise ArgumentError(
            f"`url` must be a path or begin with one of {', '.join(sorted(_NEO4J))}. Got the scheme {scheme!r}."
        )
    if "@" in text:
        raise ArgumentError(
            "`url` must not hold a user or a password. Give auth=(user, password), or set GRAPHREC_NEO4J_USER and "
            "GRAPHREC_NEO4J_PASSWORD."
        )
    from graphrec.store.neo4j import Neo4jStore

    if auth is None and (password := os.environ.get("GRAPHREC_NEO4J_PASSWORD")):
        auth = (os.environ.get("GRAPHREC_NEO4J_USER", "neo4j"), password)
    return Neo4jStore(text, auth=auth, database=database)
