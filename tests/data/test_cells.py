from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from graphrec.data.cells import check_end, fitting
from graphrec.errors import DataError

TYPES = [pa.int64(), pa.float64(), pa.bool_()]


@pytest.mark.parametrize(
    ("cells", "types"),
    [
        (["1", "0"], TYPES),
        (["1.5", "1e3"], [pa.float64()]),
        (["007"], []),
        (["9007199254740992"], [pa.int64(), pa.float64()]),
        (["9007199254740993"], [pa.int64()]),  # 2**53 + 1: a float would make it the one before
        (["18446744073709551616"], [pa.float64()]),
        (["18446744073709551617", "18446744073709551616"], []),
        (["0.12345678901234567891"], [pa.float64()]),
        (["9" * 5000], []),
    ],
)
def test_a_type_fits_where_it_holds_all_cells_as_they_are(cells: list[str], types: list[pa.DataType]) -> None:
    assert fitting(pa.array(cells), TYPES) == types


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("cell", ["a", "\n", "a\n", 'a"\nb', '"\n', '\n"', '"', "a\r\nb\r\n", '"\n"\n', 'é\n"é"\n'])
def test_only_a_file_that_ends_within_quotes_is_refused(tmp_path: Path, cell: str, end: str) -> None:
    path = tmp_path / "a.csv"
    text = cell.replace('"', '""')
    path.write_bytes(f'u,v\n1,"{text}"{end}'.encode())
    check_end(path, cell, "rows")
    open_cell = f"x{cell}\n{end}"
    path.write_bytes(('u,v\n1,"' + open_cell.replace('"', '""')).encode())
    with pytest.raises(DataError, match="must close every quote"):
        check_end(path, open_cell, "rows")
