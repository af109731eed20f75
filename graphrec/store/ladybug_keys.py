"""A label whose keys turn out to be of another type, while it has no nodes yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.store.ladybug_read import Reading, cypher

if TYPE_CHECKING:
    from graphrec.store.ladybug_file import Session


class Rekeying(Reading):
    """What a first load without rows leaves open: the file had to give the keys some type."""

    def _rekeyed(self, session: Session, label: str, key: str, type: str) -> bool:
        """Make the table of an empty label anew, and the relationship types at it, with keys of this type.

        Ladybug changes the type of no key, and drops no label that a relationship type runs to.

        Returns:
            False where there are nodes or relationships; then nothing is changed.
        """
        runs = {name: self._pairs(session, name) for name in sorted(self._tables(session, "REL"))}
        runs = {name: pairs for name, pairs in runs.items() if any(label in pair for pair in pairs)}
        counts = [("read/node_count", {"label": label})]
        for name, pairs in runs.items():
            counts += [("read/edge_count", {"type": name, "source": a, "target": b}) for a, b in pairs]
        if any(session.run(cypher(count, names))["count"][0].as_py() for count, names in counts):
            return False
        properties = {name: self._properties(session, name) for name in (*runs, label)}
        for name in properties:
            session.run(cypher("load/drop_table", {"table": name}))
        session.run(cypher("load/node_table", {"label": label, "key": key}, {"type": type}))
        for name, pairs in runs.items():
            for at, (source, target) in enumerate(pairs):
                names = {"type": name, "source": source, "target": target}
                session.run(cypher("load/ends" if at else "load/edge_table", names))
        for table, columns in properties.items():
            for name, stored in columns.items():
                if (table, name) != (label, key):
                    session.run(cypher("load/property", {"table": table, "property": name}, {"type": stored}))
        return True
