"""Row by row, the plain way: the official driver of each database, one statement a row."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.measure import Target


@contextmanager
def runner(target: Target) -> Iterator[Callable[[str, Mapping[str, Any]], list[Any]]]:
    """Return a function that runs a statement in a transaction of its own and returns its rows.

    A graph file can be opened only once, so the target's graph is closed.
    """
    if target.name == "ladybug":
        import ladybug

        target.graph.close()
        database = ladybug.Database(target.place, buffer_pool_size=1 << 30)
        connection = ladybug.Connection(database)
        yield lambda text, parameters: connection.execute(text, dict(parameters)).get_all()
        connection.close()
        database.close()
        return
    import neo4j

    with neo4j.GraphDatabase.driver(target.place, auth=target.auth) as driver, driver.session() as session:
        yield lambda text, parameters: [tuple(row) for row in session.run(text, parameters)]
