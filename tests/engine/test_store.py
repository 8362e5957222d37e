"""Cells on disk."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.engine import store
from iram.errors import InputError

ROWS = pd.DataFrame({"image_id": [f"face{i}" for i in range(500)], "margin": range(500)})


def test_a_cell_comes_back_as_it_was_written(tmp_path):
    store.write_cell(tmp_path / "a.parquet", ROWS, "key")
    assert store.is_cell(tmp_path / "a.parquet", "key")
    pd.testing.assert_frame_equal(store.read_cell(tmp_path / "a.parquet", "key"), ROWS)


def test_a_cell_made_by_something_else_does_not_count(tmp_path):
    store.write_cell(tmp_path / "a.parquet", ROWS, "key")
    for name, key in (("a", "other"), ("b", "key")):
        assert store.read_cell(tmp_path / f"{name}.parquet", key) is None
        assert not store.is_cell(tmp_path / f"{name}.parquet", key)


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.99])
def test_a_damaged_cell_does_not_count(tmp_path, place):
    path = tmp_path / "a.parquet"
    store.write_cell(path, ROWS, "key")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(place * len(whole))])
    assert store.read_cell(path, "key") is None
    flipped = bytearray(whole)
    flipped[min(int(place * len(whole)), len(whole) - 1)] ^= 0xFF
    path.write_bytes(flipped)
    assert store.read_cell(path, "key") is None
    assert not store.is_cell(path, "key")


def test_a_cell_with_any_flipped_bit_of_its_footer_does_not_count(tmp_path):
    """There names and types of columns stand, which no checksum of Parquet's covers."""
    path = tmp_path / "a.parquet"
    store.write_cell(path, ROWS, "key")
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(footer, len(whole), 5):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 7
        path.write_bytes(damaged)
        found = store.read_cell(path, "key")
        assert found is None or found.equals(ROWS)
        assert store.is_cell(path, "key") == (found is not None)
    assert len(whole) - footer > 500


def test_a_cell_of_an_earlier_version_counts(tmp_path):
    """It has no SHA-256 of its own."""
    table = pa.Table.from_pandas(ROWS, preserve_index=False)
    table = table.replace_schema_metadata({**table.schema.metadata, store.KEY: b"key"})
    pq.write_table(table, tmp_path / "a.parquet")
    assert store.read_cell(tmp_path / "a.parquet", "key").equals(ROWS)
    assert store.is_cell(tmp_path / "a.parquet", "key")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[100] ^= 1  # in a page
    (tmp_path / "a.parquet").write_bytes(data)
    assert not store.is_cell(tmp_path / "a.parquet", "key")


def test_a_key_depends_on_every_part():
    key = store.cell_key(a=1, b="x")
    assert key == store.cell_key(b="x", a=1)
    assert len({key, store.cell_key(a=2, b="x"), store.cell_key(a=1, b="y")}) == 3


def test_a_table_has_the_same_bytes_each_time_and_is_read_back(tmp_path):
    table = pd.DataFrame({"model": ["none", "iram"], "value": [1 / 3, float("nan")]})
    store.write_table(tmp_path / "a.csv", table)
    assert (tmp_path / "a.csv").read_bytes() == b"model,value\nnone,0.333333\niram,\n"
    assert store.read_table(tmp_path / "a.csv")["model"].tolist() == ["none", "iram"]
    with pytest.raises(InputError, match="does not exist"):
        store.read_table(tmp_path / "b.csv")


def test_a_name_that_looks_like_a_number_is_read_back_as_text(tmp_path):
    table = pd.DataFrame({"model": ["007", "1e3"], "expression": ["1", None], "n": [7, 8]})
    store.write_table(tmp_path / "a.csv", table)
    found = store.read_table(tmp_path / "a.csv")
    assert found["model"].tolist() == ["007", "1e3"]
    assert found["expression"].iloc[0] == "1"
    assert found["expression"].isna().tolist() == [False, True]
    assert found["n"].tolist() == [7, 8]


def test_what_is_no_table_is_told_in_one_line(tmp_path):
    (tmp_path / "a.csv").write_text("model,value\nnone,1\niram,1,2\n")
    with pytest.raises(InputError, match=r"a.csv is no result table: [^\n]*saw 3$"):
        store.read_table(tmp_path / "a.csv")


@pytest.mark.parametrize(("text", "told"), [
    ("model,value\nnone,0.5\niram,oops\n", "a.csv, line 3: value is 'oops'; it must be a number"),
    ("model,drop_low\niram,87%\nnone,1\n", "line 2: drop_low is '87%'"),
    ('model,value\niram,"0,5"\n', "line 2: value is '0,5'"),
    ("model;value\nnone;0.5\n", "separated by ';'; save it with commas"),
    ("model\tvalue\nnone\t0.5\n", r"separated by '\\t'; save"),
])
def test_what_a_spreadsheet_does_to_a_table_is_told(tmp_path, text, told):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        store.read_table(tmp_path / "a.csv")


def test_a_missing_number_is_none_of_a_spreadsheets(tmp_path):
    (tmp_path / "a.csv").write_text("model,value,seeds\nnone,,\"0,1\"\niram,inf,2\n")
    assert store.read_table(tmp_path / "a.csv")["value"].isna().tolist() == [True, False]


def test_a_table_is_edited_if_its_hash_is_another_than_its_run_told(tmp_path):
    (tmp_path / "a.csv").write_text("model,value\nnone,1\n")
    assert not store.is_edited(tmp_path / "a.csv"), "nothing is told of it"
    with store.finishing(tmp_path, ["a"], "all"):
        pass
    assert not store.is_edited(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("model,value\nnone,2\n")
    assert store.is_edited(tmp_path / "a.csv")


def test_tables_are_whole_only_when_all_was_written_of_the_same(tmp_path):
    table = pd.DataFrame({"x": [1]})

    def write(made_of, tables=(table, table)):
        with store.finishing(tmp_path, ["a", "b"], made_of):
            for name, one in zip("ab", tables, strict=True):
                store.write_table(tmp_path / f"{name}.csv", one)

    write("first")
    assert store.altered(tmp_path, ["a", "b"], "first") == []
    assert store.altered(tmp_path, ["a", "b"], "second") is None
    assert store.altered(tmp_path, ["a", "b", "c"], "first") is None
    with pytest.raises(AttributeError):  # ends between two tables
        write("second", tables=(table, None))
    assert store.altered(tmp_path, ["a", "b"], "first") is None
    write("first")
    (tmp_path / "a.csv").write_text("x\n2\n")
    (tmp_path / "b.csv").unlink()
    assert store.altered(tmp_path, ["a", "b"], "first") == ["a", "b"]
    write("first")
    for damaged in (b"first", b"\xff\xfe"):  # as earlier versions wrote it, or not at all
        (tmp_path / store.WHOLE).write_bytes(damaged)
        assert store.altered(tmp_path, ["a", "b"], "first") is None


def test_a_run_keeps_what_was_measured_and_refuses_another_identity(tmp_path):
    run = store.open_run(tmp_path, {"seed": 0, "batch_size": 64}, {})
    store.write_run(tmp_path, run)
    again = store.open_run(tmp_path, {"seed": 0, "batch_size": None}, {"command": "x"})
    assert again["identity"]["batch_size"] == 64
    with pytest.raises(InputError, match="seed is 0 there, 1 now"):
        store.open_run(tmp_path, {"seed": 1, "batch_size": 64}, {})


def test_a_folder_is_of_one_command_and_tells_of_which_data(tmp_path):
    """Else the one's tables would replace the other's of the same name."""
    told = {"kind": "bench", "data": {"spec": "heads:n=40"}}
    store.write_run(tmp_path, store.open_run(tmp_path, {"faces_sha256": "a"}, told))
    with pytest.raises(InputError, match="holds a run of `iram bench`; choose another --out"):
        store.open_run(tmp_path, {"faces_sha256": "a"}, {"kind": "attribute"})
    with pytest.raises(InputError, match="b now; its faces are of --data heads:n=40"):
        store.open_run(tmp_path, {"faces_sha256": "b"}, {"kind": "bench"})
    store.write_run(tmp_path, {"identity": {"faces_sha256": "a"}})  # of an earlier version
    assert store.open_run(tmp_path, {"faces_sha256": "a"}, {"kind": "bench"})["kind"] == "bench"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"identity": 3}', "\x00"])
def test_something_elses_run_json_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match="no description of a run"):
        store.open_run(tmp_path, {"seed": 0}, {})
    assert (tmp_path / "run.json").read_text() == text


def test_run_json_is_json(tmp_path):
    store.write_run(tmp_path, {"identity": {"seed": 0}})
    assert json.loads((tmp_path / "run.json").read_text()) == {"identity": {"seed": 0}}
