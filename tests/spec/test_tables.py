"""CSV and JSON tables: what is read, where it stands, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgbuild.errors import ImgbuildError, SpecError
from imgbuild.files import Files
from imgbuild.spec import csv_table, json_table
from imgbuild.spec.csv_table import parse_csv
from imgbuild.spec.json_table import parse_json
from imgbuild.spec.rows import Rows
from imgbuild.spec.tables import read_table
from imgbuild.types import Table, Where

PLACE = Where(file="specs/a.yaml", line=2, column=3)


def read(
    root: Path, data: str | bytes, key: str = "sku", *, name: str = "p.csv", delimiter: str = ""
) -> Rows:
    (root / name).write_bytes(data.encode() if isinstance(data, str) else data)
    kind = "json" if name.endswith("json") else "csv"
    table = Table(key=key, delimiter=delimiter, **{kind: name})
    return read_table(Files(root), name, table, PLACE)


def complaint(root: Path, data: str | bytes, key: str = "sku", *, name: str = "p.csv") -> str:
    with pytest.raises(ImgbuildError) as caught:
        read(root, data, key, name=name)
    return str(caught.value)


def test_all_cells_are_text(tmp_path: Path) -> None:
    rows = read(tmp_path, "sku,name,price,when\n00123,NO,1e3,12:30\nA1,,,\n")
    assert rows.columns == ("sku", "name", "price", "when")
    assert list(rows) == [
        {"sku": "00123", "name": "NO", "price": "1e3", "when": "12:30"},
        {"sku": "A1", "name": "", "price": "", "when": ""},
    ]
    assert len(rows) == 2
    assert rows[0:1] == [rows[0]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_from_the_header(tmp_path: Path, delimiter: str) -> None:
    rows = read(tmp_path, f'sku{delimiter}"a,b;c"{delimiter}d\n1{delimiter}"x,y;z|"{delimiter}3\n')
    assert list(rows) == [{"sku": "1", "a,b;c": "x,y;z|", "d": "3"}]


def test_a_delimiter_that_is_named_is_taken(tmp_path: Path) -> None:
    assert list(read(tmp_path, "sku:a,b\n1:2,3\n", delimiter=":")) == [{"sku": "1", "a,b": "2,3"}]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_byte_order_mark_and_composed_text(tmp_path: Path, ending: str) -> None:
    data = f"\ufeffsku, name {ending}{ending}1,cafe\u0301{ending}"
    rows = read(tmp_path, data)
    assert list(rows) == [{"sku": "1", "name": "café"}]
    assert rows.where(0).line == 3


def test_places_of_rows_and_cells(tmp_path: Path) -> None:
    rows = read(tmp_path, 'sku,name,note\n1,"two\nlines, ""quoted""",x\n\n2,b,"y"\n')
    assert rows[0]["name"] == 'two\nlines, "quoted"'
    assert [(rows.where(i).line, rows.where(i).column) for i in (0, 1)] == [(2, 1), (5, 1)]
    assert rows.where(1).text == '2,b,"y"'
    cell = rows.where(1, "note")
    assert (cell.file, cell.line, cell.column, cell.length) == ("p.csv", 5, 5, 3)
    assert (rows.where(0, "note").line, rows.where(0, "note").column) == (3, 20)


TEXTS = {
    "": "specs/a.yaml:2:3: the table p.csv is empty\nhint: begin it with a line of column names",
    "\n\n": "specs/a.yaml:2:3: the table p.csv is empty\nhint: begin it with a line of column names",
    "sku,name\n": "specs/a.yaml:2:3: the table p.csv has no rows\nhint: add at least one row",
    "sku,,b\n1,2,3\n": """\
p.csv:1:5: column 2 has no name
    1 | sku,,b
      |     ^
hint: name it, or remove the column""",
    "sku,a,sku\n1,2,3\n": """\
p.csv:1:7: two columns are named 'sku'
    1 | sku,a,sku
      |       ^^^
hint: it names column 1 already; rename one of the two""",
    "sku,a\n1,2\n2\n3,4,5\n": """\
p.csv:3:1: this row has 1 cell, the header has 2 cells
    3 | 2
      | ^
hint: write the delimiter for an empty cell too
p.csv:4:1: this row has 3 cells, the header has 2 cells
    4 | 3,4,5
      | ^^^^^
hint: quote cells that hold the delimiter""",
    "skuu,a\n1,2\n": """\
specs/a.yaml:2:3: the table p.csv has no column 'sku'
hint: did you mean 'skuu'? Columns here: a, skuu""",
    "name,sku\na,1\nb,2\nc,1\nd,\n": """\
p.csv:4:3: two rows have the sku '1'
    4 | c,1
      |   ^
hint: line 2 has it already; each row needs a key of its own
p.csv:5:3: 'sku' is empty
    5 | d,
      |   ^
hint: it names the row: give it a value""",
    'sku,a\n1,"x\n2,y\n': """\
p.csv:2:1: a quoted cell is not closed
    2 | 1,"x
      | ^^^^
hint: end it with '"'""",
    'sku,a\n1,"x"y\n': """\
p.csv:2:1: text follows the closing quote of a cell
    2 | 1,"x"y
      | ^^^^^^
hint: inside a quoted cell, write '""' for a quote""",
    "sku\n" + "x" * 200_000: """\
p.csv:2:1: this is not CSV: field larger than field limit (131072)
hint: quote cells that hold quotes or line breaks""",
    "sku\n\x07\n": "p.csv:2:1: the control character U+0007 can't stand in text\nhint: remove it",
}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_csv_errors_are_told_whole(tmp_path: Path, text: str) -> None:
    assert complaint(tmp_path, text) == TEXTS[text]


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    assert complaint(tmp_path, "sku\né\n".encode("latin-1")) == (
        "p.csv:2:1: the file is not UTF-8 text\nhint: save it as UTF-8"
    )


def test_an_absent_table_has_the_place_of_its_name(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read_table(Files(tmp_path), "p.csv", Table(key="a", csv="p.csv"), PLACE)
    assert str(caught.value) == (
        "specs/a.yaml:2:3: there is no file 'p.csv'\nhint: the path is relative to the spec that names it"
    )


@pytest.mark.parametrize("path", ["../p.csv", "/etc/passwd", "linked.csv", "folder/p.csv"])
def test_tables_stay_inside_the_project(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "p.csv").write_text("sku\n1\n")
    (root / "linked.csv").symlink_to(tmp_path / "p.csv")
    (root / "folder").symlink_to(tmp_path)
    with pytest.raises(SpecError, match=r"out of the project|inside the project") as caught:
        read_table(Files(root), path, Table(key="sku", csv=path), PLACE)
    assert caught.value.where == PLACE


def test_rows_columns_and_cells_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "p.csv:1:1: more than 1000 columns" in complaint(tmp_path, ",".join(f"c{i}" for i in range(1001)))
    for module in (csv_table, json_table):
        monkeypatch.setattr(module, "MAX_ROWS", 3)
    assert complaint(tmp_path, "sku\n1\n2\n3\n4\n") == (
        "specs/a.yaml:2:3: the table p.csv has more than 3 rows\nhint: split it into several files"
    )
    rows = json.dumps([{"sku": i} for i in range(4)])
    assert "more than 3 rows" in complaint(tmp_path, rows, name="p.json")
    for module in (csv_table, json_table):
        monkeypatch.setattr(module, "MAX_CELLS", 3)
    assert complaint(tmp_path, "sku,a\n1,2\n3,4\n") == (
        "specs/a.yaml:2:3: the table p.csv has more than 3 cells\nhint: leave out unused columns"
    )
    assert "3 cells" in complaint(tmp_path, '[{"sku": 1, "a": 2}, {"sku": 2, "a": 2}]', name="p.json")


def test_json_keeps_scalars(tmp_path: Path) -> None:
    text = '[{"sku": "00123", "n": 1, "x": 1.5, "b": true, "e": null},\n {"sku": 7, "more": "cafe\u0301"}]'
    rows = read(tmp_path, "\ufeff" + text, name="p.json")
    assert rows.columns == ("sku", "n", "x", "b", "e", "more")
    assert list(rows) == [
        {"sku": "00123", "n": 1, "x": 1.5, "b": True, "e": None},
        {"sku": 7, "more": "café"},
    ]
    assert (rows.where(1).line, rows.where(1).column, rows.where(1, "sku").line) == (2, 2, 2)


JSON_TEXTS = {
    "": """\
p.json:1:1: the table must be an array of objects
hint: write [{…}, {…}]""",
    '{"sku": 1}': """\
p.json:1:1: the table must be an array of objects
    1 | {"sku": 1}
      | ^
hint: write [{…}, {…}]""",
    "[]": "specs/a.yaml:2:3: the table p.json has no rows\nhint: add at least one row",
    "[1]": """\
p.json:1:2: each row must be an object
    1 | [1]
      |  ^
hint: write {"column": value, …}""",
    '[{"sku": 1},]': """\
p.json:1:13: this is not JSON: expecting value
    1 | [{"sku": 1},]
      |             ^
hint: rows are written like {"name": "lamp", "stock": 3}""",
    '[{"sku": 1} {"sku": 2}]': """\
p.json:1:13: a ',' or the closing ']' is expected here
    1 | [{"sku": 1} {"sku": 2}]
      |             ^""",
    '[{"sku": 1}] x': """\
p.json:1:14: nothing may follow the array
    1 | [{"sku": 1}] x
      |              ^
hint: remove it""",
    '[{"sku": 1, "sku": 2}]': """\
p.json:1:2: this row can't be read: a name stands in it twice
    1 | [{"sku": 1, "sku": 2}]
      |  ^""",
    '[{"sku": [1]}]': """\
p.json:1:2: 'sku' must be text, a number, true, false or null
    1 | [{"sku": [1]}]
      |  ^""",
    '[{"sku": NaN}]': """\
p.json:1:2: this row can't be read: NaN is not a number that can be used
    1 | [{"sku": NaN}]
      |  ^""",
    '[{"sku": 1e999}]': """\
p.json:1:2: 'sku' is not a number that can be used
    1 | [{"sku": 1e999}]
      |  ^
hint: write it as text, in quotes""",
    '[{"sku": 99999999999999999999}]': """\
p.json:1:2: 'sku' is not a number that can be used
    1 | [{"sku": 99999999999999999999}]
      |  ^
hint: write it as text, in quotes""",
    '[{"sku": "\\u0007"}]': """\
p.json:1:2: 'sku' holds a control character
    1 | [{"sku": "\\u0007"}]
      |  ^
hint: remove it""",
    '[{"sku": "\\ud800"}]': """\
p.json:1:2: 'sku' holds a control character
    1 | [{"sku": "\\ud800"}]
      |  ^
hint: remove it""",
    '[{"sku": 1},\n {"sku" 2}]': """\
p.json:2:9: this is not JSON: expecting ':' delimiter
    2 |  {"sku" 2}]
      |         ^
hint: rows are written like {"name": "lamp", "stock": 3}""",
    '[{"sku": 1},\n {"sku": "1"}]': """\
p.json:2:2: two rows have the sku '1'
    2 |  {"sku": "1"}]
      |  ^^^^^^^^^^^^
hint: line 1 has it already; each row needs a key of its own""",
    '[{"a": 1}]': """\
specs/a.yaml:2:3: the table p.json has no column 'sku'
hint: Columns here: a""",
}


@pytest.mark.parametrize("text", JSON_TEXTS, ids=range(len(JSON_TEXTS)))
def test_json_errors_are_told_whole(tmp_path: Path, text: str) -> None:
    assert complaint(tmp_path, text, name="p.json") == JSON_TEXTS[text]


def test_deep_json_is_refused(tmp_path: Path) -> None:
    told = complaint(tmp_path, "[" + '{"sku":' * 100_000, name="p.json")
    assert "this row can't be read: it is not a flat object of usable values" in told


def test_a_hundred_thousand_rows_are_read_in_steps_for_each(tmp_path: Path, calls: Any) -> None:
    text = "sku,name,color,angle,stock\n" + "".join(f"A{i},lamp {i},red,front,{i}\n" for i in range(100_000))
    assert calls(lambda: read(tmp_path, text)) < 40 * 100_000
    assert len(read(tmp_path, text)) == 100_000


CELLS = st.text(alphabet='ab ,;|\t"\n\ré', max_size=6)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_what_csv_writes_is_read_back(rows: list[tuple[str, str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    read_back = parse_csv(out.getvalue(), "p.csv")
    assert [tuple(row.values()) for row in read_back] == rows
    for index in range(len(rows)):
        assert read_back.where(index, "b").line >= read_back.where(index).line


ANY = st.text(alphabet='[]{}",:;|\n\r\t 1ae\\ué-', max_size=60)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY)
def test_any_text_gives_rows_or_an_error(text: str) -> None:
    for parse in (parse_csv, parse_json):
        try:
            rows = parse(text, "p")
        except ImgbuildError:
            continue
        assert [rows.where(index).line for index in range(len(rows))] == sorted(
            rows.where(index).line for index in range(len(rows))
        )
