"""`docs/onnxruntime_api.md` is true: of sklort always, of onnxruntime where the version it speaks of is installed."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import pkgutil
import types
import warnings
from typing import Any

import pytest

import sklort
from tests.conformance.write_api import PAGE, VERDICTS, Row, render, rows, version

PRESENT = [row for row in rows() if row.verdict != "left out"]
ABSENT = [row for row in rows() if row.verdict == "left out"]
STATE = "capi.onnxruntime_pybind11_state"


def find(root: Any, symbol: str) -> Any:
    """What a dotted name means; a field of a dataclass is found by its declaration. AttributeError without one."""
    found = root
    for name in symbol.split("."):
        fields = {field.name: field for field in dataclasses.fields(found)} if dataclasses.is_dataclass(found) else {}
        found = fields[name] if name in fields else getattr(found, name)
    return found


@pytest.fixture(scope="module")
def theirs() -> Any:
    onnxruntime = pytest.importorskip("onnxruntime")
    if onnxruntime.__version__ != version():
        pytest.skip(f"the list is that of onnxruntime {version()}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("backend", "datasets", STATE):
            importlib.import_module(f"onnxruntime.{name}")
    return onnxruntime


def test_the_page_is_the_one_of_the_text():
    assert PAGE.read_text() == render()


def test_every_line_has_a_verdict_and_what_needs_a_reason_has_one():
    every = rows()
    assert len({row.symbol for row in every}) == len(every) > 200
    assert {row.verdict for row in every} == set(VERDICTS)
    assert [row.symbol for row in every if row.verdict != "same" and not row.note] == []


@pytest.mark.parametrize("row", PRESENT, ids=lambda row: row.symbol)
def test_what_is_said_to_be_there_is_there(row: Row):
    assert find(sklort, row.symbol) is not None


def test_what_is_left_out_is_not_there():
    def is_there(symbol: str) -> bool:
        try:
            find(sklort, symbol)
        except AttributeError:
            return False
        return True

    assert [row.symbol for row in ABSENT if is_there(row.symbol)] == []


def test_the_list_is_complete(theirs):
    assert set(symbols(theirs)) == {row.symbol for row in rows()}


def symbols(module: Any) -> list[str]:
    """The public symbols of onnxruntime; members of classes only where the text does not leave the class out."""
    absent = {row.symbol for row in ABSENT}
    top = [name for name in public(module) if not isinstance(getattr(module, name), types.ModuleType)]
    found = list(top)
    for name in top:
        kind = getattr(module, name)
        if isinstance(kind, type) and name not in absent and name != "SessionIOBinding":
            hidden = {"name", "value"} if hasattr(kind, "__members__") else set()
            found += [
                f"{name}.{member}" for member in public(kind) if member not in hidden and not hasattr(int, member)
            ]
    found += [f"{STATE}.{name}" for name in public(find(module, STATE)) if name not in top]
    found += [f"backend.{name}" for name in public(module.backend) if callable(getattr(module.backend, name))]
    found += [f"datasets.{name}" for name in public(module.datasets) if callable(getattr(module.datasets, name))]
    rooms = {"backend", "capi", "datasets"}
    return found + [
        each.name for each in pkgutil.iter_modules(module.__path__) if each.ispkg and each.name not in rooms
    ]


def public(thing: Any) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]


def test_arguments_have_the_same_names_and_places(theirs):
    compared = 0
    for row in PRESENT:
        ours, other = find(sklort, row.symbol), find(theirs, row.symbol)
        if not callable(other) or not callable(ours) or isinstance(other, enum.EnumMeta):
            continue
        try:
            expected = list(inspect.signature(other).parameters.values())
        except (ValueError, TypeError):
            continue  # compiled, and silent about its arguments
        if row.symbol in CONSTRUCTED_BY_THE_MODULE:
            continue
        found = list(inspect.signature(ours).parameters.values())
        given = [each for each in expected if each.kind is not inspect.Parameter.VAR_KEYWORD]
        assert [each.name for each in found[: len(given)]] == [each.name for each in given], row.symbol
        for one, two in zip(found, given):
            assert (one.default is one.empty) <= (two.default is two.empty), f"{row.symbol}: {one.name} must be given"
        assert all(each.default is not each.empty or each.kind in VARIADIC for each in found[len(given) :]), row.symbol
        compared += 1
    assert compared > 45


CONSTRUCTED_BY_THE_MODULE = {"OrtValue", "OrtDevice", "NodeArg", "ModelMetadata"}
VARIADIC = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def test_enumerations_have_the_same_values(theirs):
    compared = 0
    for row in PRESENT:
        other = find(theirs, row.symbol)
        if not isinstance(other, type) or not hasattr(other, "__members__"):
            continue
        ours = find(sklort, row.symbol)
        assert {name: int(each) for name, each in ours.__members__.items()} == {
            name: int(each) for name, each in other.__members__.items()
        }
        for name, each in ours.__members__.items():
            assert each == int(other.__members__[name])
            assert each.name == other.__members__[name].name
        compared += 1
    assert compared >= 8


def test_fields_have_the_same_defaults(theirs):
    for name in ("SessionOptions", "RunOptions"):
        ours, other = getattr(sklort, name)(), getattr(theirs, name)()
        for row in PRESENT:
            if row.group == name and not callable(getattr(other, row.symbol.rpartition(".")[2])):
                field = row.symbol.rpartition(".")[2]
                default = getattr(other, field)
                expected = int(default) if hasattr(default, "__members__") else default
                assert getattr(ours, field) == expected, row.symbol


def test_instances_have_what_their_classes_promise():
    session = sklort.InferenceSession(sklort.datasets.get_example("mul_1.onnx"))
    things = {
        "NodeArg": session.get_inputs()[0],
        "ModelMetadata": session.get_modelmeta(),
        "OrtMemoryInfo": session.get_input_memory_infos()[0],
        "OrtDevice": sklort.OrtDevice.make("cpu", 0),
        "IOBinding": session.io_binding(),
        "SessionOptions": session.get_session_options(),
    }
    for row in PRESENT:
        if row.group in things:
            getattr(things[row.group], row.symbol.rpartition(".")[2])
