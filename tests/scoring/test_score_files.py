"""Parquet in, Parquet out: order, options, what is refused, and what an earlier run has left."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sklort
from sklort.exceptions import ScoringError
from sklort.scoring import parts
from sklort.scoring.output import MANIFEST, Output
from sklort.scoring.run import score_files
from sklort.scoring.scorer import Scorer
from tests.scoring.tables import NAMES, make_rows

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def read(folder: Path) -> pd.DataFrame:
    """As a reader of the folder sees it."""
    return pd.read_parquet(folder)


def break_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A run that ends, as if the power failed, when it comes to this part."""
    whole = parts.score_part

    def score_part(scorer: Scorer, job: parts.Job, *rest: Any) -> int:
        if job.part.number == number:
            raise SystemError("no power")
        return whole(scorer, job, *rest)

    monkeypatch.setattr("sklort.scoring.engines.score_part", score_part)


# -- the result -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_rows", [None, 1, 333])
def test_the_rows_come_out_in_their_order(
    linear: Path, folder: Path, rows: pd.DataFrame, tmp_path: Path, batch_rows: int | None
) -> None:
    count = 400 if batch_rows == 1 else len(rows)
    given: Any = folder
    if batch_rows == 1:
        given = tmp_path / "few.parquet"
        pq.write_table(pa.Table.from_pandas(rows[:count]), given, row_group_size=150)
    done = score_files(
        linear, given, tmp_path / "out", method=["predict_proba"], keep=["id"], batch_rows=batch_rows, part_rows=1400
    )
    assert (done.rows, done.rows_now) == (count, count)
    found = read(tmp_path / "out")
    want = Scorer(linear, method="predict_proba", keep=["id"])(rows[:count])
    pd.testing.assert_frame_equal(found, want, check_exact=True)


def test_a_part_is_some_row_groups_of_one_file(linear: Path, folder: Path, tmp_path: Path) -> None:
    done = score_files(linear, folder, tmp_path / "out", keep=["id"], part_rows=1400)
    lengths = [pq.read_metadata(path).num_rows for path in sorted((tmp_path / "out").glob("*.parquet"))]
    assert lengths == [1400, 600, 1400, 1100, 500]
    assert done.parts == done.parts_now == 5
    groups = pq.read_metadata(tmp_path / "out" / "part-00000.parquet")
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [1400]


def test_neither_batches_nor_workers_change_a_byte(linear: Path, folder: Path, tmp_path: Path) -> None:
    for name, options in (
        ("a", {"workers": 1}),
        ("b", {"workers": 3, "batch_rows": 57, "compression": "zstd"}),
        ("c", {"batch_rows": 10**6}),
    ):
        score_files(linear, folder, tmp_path / name, keep="all", part_rows=700, **options)  # type: ignore[arg-type]
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == contents(tmp_path / "c")


def test_one_file_holds_what_the_folder_holds(linear: Path, folder: Path, tmp_path: Path) -> None:
    score_files(linear, folder, tmp_path / "out", keep="all", part_rows=700)
    score_files(linear, folder, tmp_path / "out.parquet", keep="all", part_rows=700)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), read(tmp_path / "out"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.parquet", "rows"]


def test_kept_columns_pass_unchanged(linear: Path, tmp_path: Path) -> None:
    frame = make_rows(30)
    table = pa.Table.from_pandas(frame)
    kept = {
        "text": pa.array(["a", None, "é"] * 10),
        "day": pa.array(range(30), pa.date32()),
        "exact": pa.array(range(30)).cast(pa.decimal128(22, 2)),
        "list": pa.array([[1], None, [2, 3]] * 10),
        "kind": pa.array(["u", "v", "u"] * 10).dictionary_encode(),
        "a.b": pa.array(range(30)),
    }
    for name, column in kept.items():
        table = table.append_column(name, column)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=10)
    score_files(linear, tmp_path / "in.parquet", tmp_path / "out.parquet", keep=list(kept))
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.select(list(kept)).to_pydict() == table.select(list(kept)).to_pydict()
    assert found.schema.field("exact").type == pa.decimal128(22, 2)


def test_inputs_are_found_in_the_order_of_their_paths(linear: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "_unfinished.parquet").write_bytes(b"no Parquet")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "z.parquet").write_bytes(b"no Parquet")
    (folder / "b.parquet").rename(folder / "b2.parquet")
    (folder / "inner").mkdir()
    (folder / "c.parquet").rename(folder / "inner" / "c.parquet")
    score_files(linear, folder, tmp_path / "folder", keep=["id"])
    score_files(linear, str(folder / "**" / "[a-z]*.parquet"), tmp_path / "pattern", keep=["id"])
    score_files(linear, [folder / "inner", folder / "a.parquet"], tmp_path / "list", keep=["id"])
    assert read(tmp_path / "folder").id.tolist() == list(range(5000))
    assert read(tmp_path / "pattern").id.tolist() == list(range(5000))
    assert read(tmp_path / "list").id.tolist() == [*range(4500, 5000), *range(2000)]


def test_no_rows_are_a_result_too(linear: Path, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(make_rows(0)), tmp_path / "none.parquet")
    for output in ("out", "out.parquet"):
        done = score_files(linear, tmp_path / "none.parquet", tmp_path / output, keep=["id"])
        assert done.rows == 0
        assert pq.read_table(tmp_path / output).schema.names == ["id", "prediction"]


def test_progress_adds_up(linear: Path, folder: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    score_files(linear, folder, tmp_path / "out", report=lambda *one: told.append(one))
    assert told[-1] == (5000, 5000)
    assert told == sorted(told)


def test_rounding_is_said(folder: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    small = rows[NAMES].astype(np.float32)
    fast = sklort.convert(LinearRegression().fit(small, small.x0), small)
    with pytest.warns(UserWarning, match=r"rounded to float32, which the model reads: x0, x1, x2, x3, x4 and 1 more"):
        score_files(fast, folder, tmp_path / "out")


# -- started again ----------------------------------------------------------------------------------------------------


def test_a_run_that_was_cut_off_goes_on(
    linear: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call: dict[str, Any] = {"keep": ["id"], "part_rows": 700}
    score_files(linear, folder, tmp_path / "want", **call)
    with monkeypatch.context() as broken:
        break_at(broken, 4)
        with pytest.raises(SystemError):
            score_files(linear, folder, tmp_path / "out", workers=1, **call)
    assert not (tmp_path / "out").exists()  # what has the name of the result is the result
    partial = tmp_path / "out.partial"
    (partial / ".part-00004.parquet.0123.tmp").write_bytes(b"half of it")  # as a kill leaves it
    before = {path.name: path.stat().st_mtime_ns for path in partial.glob("part-*")}
    assert sorted(before) == [f"part-0000{i}.parquet" for i in range(4)]

    done = score_files(linear, folder, tmp_path / "out", workers=2, **call)
    assert (done.parts, done.parts_now, done.rows_now) == (8, 4, 2300)
    assert contents(tmp_path / "out") == contents(tmp_path / "want")
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    assert {name: after[name] for name in before} == before  # not made twice
    assert not partial.exists()


def test_a_whole_result_is_left_alone(linear: Path, folder: Path, tmp_path: Path) -> None:
    for output in ("out", "out.parquet"):
        score_files(linear, folder, tmp_path / output)
        before = (tmp_path / output).stat().st_mtime_ns
        done = score_files(linear, folder, tmp_path / output)
        assert (done.rows, done.rows_now, done.parts_now) == (5000, 0, 0)
        assert (tmp_path / output).stat().st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.parquet", "rows"]


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("output", ["out", "out.parquet"])
def test_another_run_is_an_error_until_restart(
    linear: Path,
    forest: Path,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    finished: bool,
    output: str,
) -> None:
    target = tmp_path / output
    with monkeypatch.context() as broken:
        if not finished:
            break_at(broken, 2)
        try:
            score_files(linear, folder, target, part_rows=700, workers=1)
        except SystemError:
            assert not finished

    def refused(words: str, model: Path = linear, inputs: Any = folder, **options: Any) -> None:
        with pytest.raises(ScoringError) as raised:
            score_files(model, inputs, target, **{"part_rows": 700, **options})
        assert words in str(raised.value)
        assert "--restart" in str(raised.value)

    refused("the model is another one", model=forest)
    refused("keep was [] and is ['id']", keep=["id"])
    refused("method was ['predict'] and is ['predict_proba']", method="predict_proba")
    refused("part_rows was 700 and is 701", part_rows=701)
    refused("c.parquet is gone", inputs=[folder / "a.parquet", folder / "b.parquet"])
    refused("the inputs come in another order", inputs=[folder / f"{one}.parquet" for one in "bac"])
    os.utime(folder / "b.parquet")
    refused("b.parquet has changed")

    done = score_files(forest, folder, target, keep=["id"], restart=True)
    assert done.rows_now == 5000
    assert pd.read_parquet(target).id.tolist() == list(range(5000))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([output, "rows"])


def test_the_old_result_stays_until_the_new_one_is_whole(
    linear: Path, forest: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_files(linear, folder, tmp_path / "out", keep=["id"])
    before = contents(tmp_path / "out")
    with monkeypatch.context() as broken:
        break_at(broken, 2)
        with pytest.raises(SystemError):
            score_files(forest, folder, tmp_path / "out", workers=1, part_rows=700, restart=True)
    assert contents(tmp_path / "out") == before
    done = score_files(forest, folder, tmp_path / "out", part_rows=700)  # goes on, and may replace it
    assert done.parts_now == 6
    assert "id" not in read(tmp_path / "out").columns


def test_what_is_not_ours_is_never_removed(linear: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    (tmp_path / "out.parquet").write_text("mine")
    (tmp_path / "other.partial").mkdir()
    (tmp_path / "other.partial" / "thesis.txt").write_text("mine")
    for output in ("out", "out.parquet"):
        for restart in (False, True):
            with pytest.raises(ScoringError, match="sklort score did not write it: choose another name or remove it"):
                score_files(linear, folder, tmp_path / output, restart=restart)
        assert not (tmp_path / f"{output}.partial").exists()
    for restart in (False, True):
        with pytest.raises(ScoringError, match=r"thesis\.txt"):
            score_files(linear, folder, tmp_path / "other", restart=restart)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"
    assert (tmp_path / "out.parquet").read_text() == "mine"
    assert (tmp_path / "other.partial" / "thesis.txt").read_text() == "mine"


def test_folders_of_these_names_that_are_not_ours_stay(linear: Path, folder: Path, tmp_path: Path) -> None:
    score_files(linear, folder, tmp_path / "out")
    (tmp_path / "out.replaced").mkdir()
    (tmp_path / "out.replaced" / "thesis.txt").write_text("mine")
    with pytest.raises(ScoringError, match=r"thesis\.txt was left by no run of sklort score: move it away"):
        score_files(linear, folder, tmp_path / "out", keep=["id"], restart=True)
    assert (tmp_path / "out.replaced" / "thesis.txt").read_text() == "mine"
    assert len(read(tmp_path / "out")) == 5000
    (tmp_path / "out.replaced" / "thesis.txt").rename(tmp_path / "thesis.txt")
    assert score_files(linear, folder, tmp_path / "out", keep=["id"]).rows_now == 0  # all was done but the last step


def test_a_run_killed_between_the_last_two_renames_goes_on(
    linear: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_files(linear, folder, tmp_path / "out")
    rename, count = Path.rename, []

    def once(self: Path, target: Any) -> Any:
        if self.name == "out.partial":
            count.append(self)
            raise SystemError("no power")
        return rename(self, target)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", once)
        with pytest.raises(SystemError):
            score_files(linear, folder, tmp_path / "out", keep=["id"], restart=True)
    assert count
    assert not (tmp_path / "out").exists()
    assert score_files(linear, folder, tmp_path / "out", keep=["id"]).rows_now == 0
    assert read(tmp_path / "out").id.tolist() == list(range(5000))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "rows"]


def test_damaged_parts_are_noticed(linear: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        break_at(broken, 4)
        with pytest.raises(SystemError):
            score_files(linear, folder, tmp_path / "out", part_rows=700, workers=1)
    part = tmp_path / "out.partial" / "part-00001.parquet"
    good = part.read_bytes()
    for bad in (good[:-20], b"", (part.with_name("part-00002.parquet")).read_bytes()):
        part.write_bytes(bad)
        with pytest.raises(ScoringError, match=r"part-00001\.parquet: .*--restart"):
            score_files(linear, folder, tmp_path / "out", part_rows=700)
    part.write_bytes(good)
    manifest = tmp_path / "out.partial" / MANIFEST
    manifest.write_text(manifest.read_text()[:-40])
    with pytest.raises(ScoringError, match="is damaged: remove"):
        score_files(linear, folder, tmp_path / "out", part_rows=700)


def test_two_runs_do_not_share_an_output(linear: Path, folder: Path, tmp_path: Path) -> None:
    with (
        Output(tmp_path / "out").held(),
        pytest.raises(ScoringError, match="another run is writing it: wait for its end, or stop it"),
    ):
        score_files(linear, folder, tmp_path / "out")
    score_files(linear, folder, tmp_path / "out")


# -- what is refused --------------------------------------------------------------------------------------------------


def rewrite(path: Path, change: Any) -> None:
    pq.write_table(change(pq.read_table(path)), path, row_group_size=700)


def test_a_bad_value_names_file_row_group_row_and_column_and_parts_stay(
    linear: Path, folder: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    def spoil(table: Any) -> Any:
        column = pa.array([*rows.x3[2000:3613], None, *rows.x3[3614:4500]])
        return table.set_column(table.column_names.index("x3"), "x3", column)

    good = (folder / "b.parquet").read_bytes()
    rewrite(folder / "b.parquet", spoil)
    with pytest.raises(ScoringError) as raised:
        score_files(linear, folder, tmp_path / "out", part_rows=700, workers=1, batch_rows=100)
    assert str(raised.value) == (
        f"{folder / 'b.parquet'}, row group 2, row 1613, column 'x3': a missing value, which the model refuses: "
        "fill it, or leave the row out"
    )
    assert [path.name for path in sorted((tmp_path / "out.partial").glob("*part*"))] == [
        f"part-0000{i}.parquet" for i in range(5)
    ]
    (folder / "b.parquet").write_bytes(good)
    score_files(linear, folder, tmp_path / "out", part_rows=700, restart=True)
    assert len(read(tmp_path / "out")) == 5000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop_columns(["x2"]), "b.parquet, column 'x2': is missing: the table has 'id', 'x0', 'x1', 'x3'"),
        (lambda t: t.set_column(3, "x2", t["x2"].cast(pa.string())), "column 'x2': holds string where the model reads"),
        (lambda t: t.set_column(0, "id", t["id"].cast(pa.int32())), "column 'id': holds int32, where "),
    ],
)
def test_a_bad_schema_is_refused_before_any_work(
    linear: Path, folder: Path, tmp_path: Path, change: Any, words: str
) -> None:
    rewrite(folder / "b.parquet", change)
    with pytest.raises(ScoringError) as raised:
        score_files(linear, folder, tmp_path / "out", keep=["id"])
    assert words in str(raised.value)
    assert str(raised.value).startswith(str(folder / "b.parquet"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows"]


def test_damaged_inputs_are_named(linear: Path, folder: Path, tmp_path: Path) -> None:
    path = folder / "b.parquet"
    good = path.read_bytes()
    for bad in (b"", b"PAR1", good[:-100]):
        path.write_bytes(bad)
        with pytest.raises(ScoringError, match=r"b\.parquet: no Parquet file that can be read"):
            score_files(linear, folder, tmp_path / "out")
    path.write_bytes(good[:4] + b"\xff" * (len(good) // 2) + good[4 + len(good) // 2 :])  # pages, with a right footer
    with pytest.raises(ScoringError, match=r"b\.parquet, row group 0: cannot be read"):
        score_files(linear, folder, tmp_path / "out")


def test_checksums_of_pages_are_looked_at(linear: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    flat = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    pq.write_table(pa.Table.from_pandas(rows), path, **flat)
    good = path.read_bytes()
    at = good.index(rows.x3.to_numpy()[100:102].tobytes())
    path.write_bytes(good[:at] + b"\x00" + good[at + 1 :])
    with pytest.raises(ScoringError, match=r"in\.parquet, row group 0: cannot be read: .*[Cc][Rr][Cc]"):
        score_files(linear, path, tmp_path / "out")


def test_an_input_that_changes_meanwhile_is_noticed(
    linear: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = parts._results

    def results(scorer: Scorer, job: parts.Job, *rest: Any) -> Any:
        yield from whole(scorer, job, *rest)
        os.utime(job.file.path, ns=(1, 1))

    monkeypatch.setattr(parts, "_results", results)
    with pytest.raises(ScoringError, match=r"a\.parquet: the file has changed since the run began"):
        score_files(linear, folder / "a.parquet", tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "spark"}, "engine is one of local, dask, ray, not 'spark'"),
        ({"address": "tcp://x"}, "an address is that of a Dask or Ray cluster"),
        ({"workers": 0}, "workers is at least 1, not 0"),
        ({"batch_rows": -1}, "batch_rows is at least 1"),
        ({"compression": "zip"}, "compression is one of zstd, snappy"),
    ],
)
def test_wrong_options_are_refused(linear: Path, folder: Path, tmp_path: Path, options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        score_files(linear, folder, tmp_path / "out", **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows"]


def test_wrong_inputs_are_refused(linear: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScoringError, match=r"the folder holds no file named \*\.parquet"):
        score_files(linear, tmp_path / "empty", tmp_path / "out")
    with pytest.raises(ScoringError, match="no such file or folder, and no file that the pattern matches"):
        score_files(linear, tmp_path / "n*ne", tmp_path / "out")
    for output in (folder, folder / "a.parquet", folder / "b.parquet"):
        with pytest.raises(ScoringError, match="is both input and output"):
            score_files(linear, folder, output)


def test_the_manifest_says_what_was_done(linear: Path, folder: Path, tmp_path: Path) -> None:
    score_files(linear, folder, tmp_path / "out", keep=["id"])
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest["model"] == Scorer(linear).source.digest
    assert manifest["options"]["method"] == ["predict"]
    assert [one["row_groups"] for one in manifest["inputs"]] == [[700, 700, 600], [700, 700, 700, 400], [500]]
