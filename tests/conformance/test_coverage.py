"""Every estimator that skl2onnx can convert runs natively on sklort and gives scikit-learn's answers.

What does not is written down, with the reason, in known_gaps.py, and the stage of every variant in coverage.json.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from skl2onnx._supported_operators import sklearn_operator_name_map
from threadpoolctl import threadpool_limits

from sklort import InferenceSession
from sklort.conversion.reasons import NOT_CONVERTED as NOT_CONVERTED_AT_ALL
from sklort.conversion.reasons import PARTLY
from tests.conformance import coverage_record, every_estimator
from tests.conformance.catalogue import Variant, catalogue, estimators
from tests.conformance.evaluation import Result, converted, distance, evaluate, onnxruntime_backend, run
from tests.conformance.known_gaps import CANCELS, FAULTS, FLOAT32_ATTRIBUTES, NOT_CONVERTED, explaining

AGAIN = "python -m tests.conformance.write_coverage"


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """More cost more than they do for sixty rows."""
    with threadpool_limits(1):
        yield


@cache
def record() -> dict[str, Any]:
    return coverage_record.read()


def as_recorded() -> bool:
    """Whether the packages that write the graphs are those of the record: others may convert more, or less."""
    return bool(record()["versions"] == coverage_record.versions())


@pytest.mark.parametrize("variant", [pytest.param(one, id=one.id) for one in catalogue()])
def test_variant(variant: Variant) -> None:
    result = evaluate(variant, InferenceSession)
    explained(variant, result)
    if result.session is not None:
        nodes = result.session.explain().nodes
        assert {node.provider for node in nodes} <= {"CPUExecutionProvider"}, result.session.explain()
    if as_recorded():
        known = record()["variants"].get(variant.id)
        assert known is not None, f"a variant that the record does not know: {AGAIN}"
        assert result.near or known["sklort"] == result.stage, f"{result.sentence or 'it matches now'}: {AGAIN}"


OLDER = (9, 11, 13, 15, 18)
WRITTEN_FOR_ANOTHER = {
    ("FeatureHasher", 11): "ReduceSum with the inputs of opset 13",
    ("OneVsOneClassifier", 9): "Slice with the inputs of opset 10",
}


@pytest.mark.parametrize("opset", OLDER)
@pytest.mark.parametrize("estimator", sorted(estimators()))
def test_older_operators(estimator: str, opset: int) -> None:
    """One variant for each kind of rows: what the newest operators say, older ones say too."""
    firsts = {one.dtype: one for one in reversed(catalogue()) if one.estimator == estimator}
    for variant in firsts.values():
        result = evaluate(variant, InferenceSession, opset)
        if (estimator, opset) in WRITTEN_FOR_ANOTHER and result.stage == "refused to load":
            assert "expected 1 input, got" in result.sentence
        elif result.stage != "not converted":
            explained(variant, result, opset)


def explained(variant: Variant, result: Result, opset: int | None = None) -> None:
    """Fail unless the variant matches or a table says why it does not; and where one says so wrongly."""
    refusals, faults = explaining(NOT_CONVERTED, variant.id), explaining(FAULTS, variant.id)
    if result.stage == "not converted":
        assert refusals, f"skl2onnx does not convert it, which no table says: {result.sentence}"
        assert NOT_CONVERTED[refusals[0]][0] in result.sentence
    elif result.stage == "matches":
        assert not refusals, f"skl2onnx converts it now: NOT_CONVERTED says otherwise: {refusals}"
        assert result.near or not faults, f"the graph is right now: FAULTS says otherwise: {faults}"
    elif faults:
        if result.stage == "differs":
            says_what_the_graph_says(variant, result, opset)
    elif explaining(FLOAT32_ATTRIBUTES, variant.id):
        assert result.error < 1e-6, result.sentence
    else:
        assert explaining(CANCELS, variant.id), f"{result.stage}: {result.sentence}"
        assert result.error < 1e-3, result.sentence


def says_what_the_graph_says(variant: Variant, result: Result, opset: int | None) -> None:
    """A wrong graph must be answered as others answer it, where another can run it."""
    for backend in (onnxruntime_backend(), ReferenceEvaluator):
        if backend is None:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                session = backend(converted(variant, opset))
                outputs = run(session, variant)
        except Exception:  # noqa: BLE001 - it cannot: the next
            continue
        for ours, theirs in zip(result.outputs, outputs, strict=True):
            if isinstance(theirs, list) and isinstance(theirs[0], dict):
                ours, theirs = (np.array([list(one.values()) for one in each]) for each in (ours, theirs))
            error, sentence = distance(np.asarray(ours), np.asarray(theirs))
            assert error < 1e-5, f"unlike {type(session).__name__}: {sentence}"
        return


def test_every_estimator_of_skl2onnx_is_in_the_catalogue() -> None:
    known = {
        kind.__name__ for kind in sklearn_operator_name_map if kind.__module__.split(".")[0] in ("sklearn", "skl2onnx")
    }
    assert {variant.estimator for variant in catalogue()} == known


@pytest.mark.parametrize("name", sorted(every_estimator.names()))
def test_every_estimator_of_scikit_learn(name: str) -> None:
    """It converts, runs natively and matches, or comes as far as the page says."""
    found = every_estimator.verdict(name, InferenceSession)
    if as_recorded():
        known = record()["estimators"][name]
        assert (found.by, found.stage, list(found.answers)) == (known["by"], known["sklort"], known["answers"]), (
            f"{found.sentence or 'it is otherwise now'}: {AGAIN}"
        )
    if found.by == "sklort":
        assert found.stage == "matches", found.sentence


def test_reasons_and_remarks_are_about_estimators() -> None:
    known = set(every_estimator.names())
    assert set(NOT_CONVERTED_AT_ALL) <= known
    assert set(PARTLY) <= known - set(NOT_CONVERTED_AT_ALL)
    for name in NOT_CONVERTED_AT_ALL:
        assert names_of_our_converters().isdisjoint({name})


def names_of_our_converters() -> set[str]:
    from sklort.conversion.converters import CONVERTERS

    return {kind.__name__ for kind in CONVERTERS}


def test_no_variant_of_the_record_was_lost() -> None:
    if not as_recorded():
        pytest.skip("other versions of the packages that write the graphs")
    assert set(record()["variants"]) == {variant.id for variant in catalogue()}, AGAIN


def test_the_page_is_the_one_the_record_makes() -> None:
    assert coverage_record.PAGE.read_text() == coverage_record.render(record()), AGAIN


@pytest.mark.parametrize("table", [NOT_CONVERTED, FAULTS, FLOAT32_ATTRIBUTES, CANCELS])
def test_every_line_of_the_tables_explains_something(table: dict[str, Any]) -> None:
    wanting = [name for name, stages in record()["variants"].items() if stages["sklort"] != "matches"]
    idle = [pattern for pattern in table if not any(explaining([pattern], name) for name in wanting)]
    assert idle == []
