"""Laws of tables on disk: what is written is read, a damaged file is refused, and the old file stays whole."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

from ventral.errors import StoreError
from ventral.tables import as_rows, markdown, read_csv, write_csv

RESULTS = Path(__file__).parents[1] / "results"


COLUMNS = {"name": str, "count": int, "value": float}
RECORDS = pd.DataFrame({"name": ['a "quoted", name', "", "NA"], "count": [1, 2, 3], "value": [1 / 3, 5e-324, -0.0]})


def test_what_is_written_is_read_with_every_digit(tmp_path):
    path = write_csv(RECORDS, tmp_path / "folder" / "table.csv")
    pd.testing.assert_frame_equal(read_csv(path, COLUMNS, "restore it"), RECORDS, check_exact=True)
    assert path.read_text().splitlines()[0] == "name,count,value"


def test_mappings_are_written_like_frames_and_nan_is_an_empty_cell(tmp_path):
    rows = [{"name": "a", "value": math.nan}, {"name": "b", "value": 0.1}]
    for table in (rows, pd.DataFrame(rows)):
        assert write_csv(table, tmp_path / "table.csv").read_text() == "name,value\na,\nb,0.1\n"
    mixed = [{"name": "a", "count": 3}, {"name": "b", "count": math.nan}]
    assert write_csv(mixed, tmp_path / "table.csv").read_text() == "name,count\na,3\nb,\n"


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.csv")), ids=lambda path: path.name)
def test_a_table_of_results_that_is_read_and_written_keeps_its_bytes(path, tmp_path):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    typed = pd.DataFrame({name: as_numbers(list(column)) for name, column in table.items()})
    assert any(column.dtype == float for _, column in typed.items())
    assert write_csv(typed, tmp_path / path.name).read_bytes() == path.read_bytes()


def as_numbers(cells):
    """Cells as whole numbers, as numbers, an empty cell being NaN, or else as the text they are."""
    for kind in (int, lambda cell: float(cell or "nan")):
        try:
            return [kind(cell) for cell in cells]
        except ValueError:
            pass
    return cells


def test_there_are_no_rows_before_there_is_a_file(tmp_path):
    empty = read_csv(tmp_path / "table.csv", COLUMNS, "restore it")
    assert empty.empty
    assert empty.dtypes.equals(RECORDS.dtypes)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("count", "number"), "has other columns than this version writes; restore it"),
        (lambda text: text.replace("name,count", "count,name", 1), "has other columns"),
        (lambda text: text.replace("5e-324", "five"), r"has a damaged line \(3\); restore it"),
        (lambda text: text.replace(",2,5e-324", ",2"), r"damaged line \(3\)"),
        (lambda text: text.replace("NA,3,", "NA,3,4,"), r"damaged line \(4\)"),
        (lambda text: text.replace("NA,3", "\nNA,3"), r"damaged line \(4\)"),
        (lambda text: text.replace("NA,3", "NA,3.5"), r"damaged line \(4\)"),
        (lambda text: "", r"damaged line \(1\)"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line_and_left_alone(tmp_path, damage, message):
    path = write_csv(RECORDS, tmp_path / "table.csv")
    path.write_text(damage(path.read_text()))
    before = path.read_bytes()
    with pytest.raises(StoreError, match=message):
        read_csv(path, COLUMNS, "restore it")
    assert path.read_bytes() == before


def test_a_writing_that_is_interrupted_leaves_the_old_table(tmp_path, monkeypatch):
    path = write_csv(RECORDS, tmp_path / "table.csv")
    before = path.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_csv(RECORDS[:1], path)
    assert path.read_bytes() == before


def test_a_table_that_several_write_at_once_is_whole(tmp_path):
    """Law: of analyses of one run that end at the same time, one is written, and nothing else is left."""
    tables = [pd.DataFrame({"writer": [number] * 2000}) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda table: write_csv(table, tmp_path / "table.csv"), tables))
    assert any(pd.read_csv(tmp_path / "table.csv").equals(table) for table in tables)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_table_in_markdown():
    assert markdown(("a", "b"), [("x", "1"), ("y", "2")], right=(1,)) == (
        "| a | b |\n| --- | ---: |\n| x | 1 |\n| y | 2 |"
    )


def test_data_sets_become_rows_with_their_coordinates_first():
    first = xr.Dataset(
        {"accuracy": (("condition", "time"), [[0.1, 0.2], [0.3, 0.4]])},
        {"condition": ["a", "b"], "time": [0.0, 10.0], "soa_ms": ("condition", [20.0, 30.0]), "statistics": "frozen"},
    )
    table = as_rows([first, first.assign_coords(statistics="pooled")])
    assert list(table) == ["condition", "time_ms", "soa_ms", "statistics", "accuracy"]
    assert len(table) == 8
    for row in table.itertuples():
        at = first.sel(condition=row.condition, time=row.time_ms)
        assert (row.accuracy, row.soa_ms) == (at["accuracy"].item(), at["soa_ms"].item())
    assert table["statistics"].tolist() == 4 * ["frozen"] + 4 * ["pooled"]


def test_a_dim_without_names_leaves_no_column():
    found = xr.Dataset({"accuracy": ("dose", [0.5, 0.6])}, {"amount": ("dose", [1.0, 2.0])})
    assert list(as_rows([found])) == ["amount", "accuracy"]
