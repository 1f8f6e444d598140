"""Support vector machines on the device, against the CPU to the last bit; tests/cuda/test_operators.py runs the CPU's own tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

import sklort
from tests.cuda import programs
from tests.ops import test_svm as cases
from tests.ops.one_node import floats, ints
from tests.ops.one_node import program as on_the_cpu


@pytest.fixture(autouse=True)
def emptied(cupy: Any) -> None:
    del programs.on_the_cpu[:]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("kernel", ["LINEAR", "POLY", "RBF", "SIGMOID"])
def test_decisions_have_the_bits_of_the_cpu(kernel: str, classes: int, dtype: Any, order: str) -> None:
    x = (3 * np.random.default_rng(0).normal(size=(150, 4))).astype(dtype)
    found = cases.machine(classes, kernel_type=kernel)
    here = on_the_cpu("SVMClassifier", [x], outputs=2, **found).run([x])
    there = programs.program("SVMClassifier", [x], outputs=2, **found).run([x])
    for a, b in zip(there, here, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert not programs.on_the_cpu


@pytest.mark.parametrize("classes", [2, 4])
def test_probabilities(classes: int, order: str) -> None:
    """Exponentials differ by a unit in the last place from those of the CPU's library."""
    x = np.random.default_rng(0).normal(size=(100, 4))
    pairs = classes * (classes - 1) // 2
    found = cases.machine(classes, prob_a=floats(*[-1.5] * pairs), prob_b=floats(*[0.2] * pairs))
    here = on_the_cpu("SVMClassifier", [x], outputs=2, **found).run([x])
    there = programs.program("SVMClassifier", [x], outputs=2, **found).run([x])
    np.testing.assert_array_equal(there[0], here[0])
    np.testing.assert_allclose(there[1], here[1], rtol=1e-12)
    assert not programs.on_the_cpu


def test_large_batches_go_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(70, 4))
    found = cases.machine(3, prob_a=floats(-1, -1, -1), prob_b=floats(0, 0, 0))
    want = programs.program("SVMClassifier", [x], outputs=2, **found).run([x])
    monkeypatch.setattr("sklort.providers.cuda.ops.svm._WORKSPACE", 100)
    for a, b in zip(programs.program("SVMClassifier", [x], outputs=2, **found).run([x]), want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_the_cpu_is_left_with() -> None:
    x = np.ones((3, 4))
    found = cases.machine(3, kernel_type="POLY", kernel_params=floats(0.5, 0, 2.5))
    there = programs.program("SVMClassifier", [x], outputs=2, **found)
    for a, b in zip(there.run([x]), on_the_cpu("SVMClassifier", [x], outputs=2, **found).run([x]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert programs.on_the_cpu == ["SVMClassifier: the degree 2.5 is no whole number"]
    plain = programs.program("SVMClassifier", [x], outputs=2, **cases.machine(3))
    assert plain.explain()[0].startswith("SVMClassifier: rbf kernel, 9 vectors of 4 columns, 3 decisions; copies")


@pytest.mark.parametrize("sizes", [ints(0, 4, 5), ints(9, 0, 0)])
def test_a_class_without_vectors(sizes: Any) -> None:
    x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    found = cases.machine(3, vectors_per_class=sizes)
    here = on_the_cpu("SVMClassifier", [x], outputs=2, **found).run([x])
    for a, b in zip(programs.program("SVMClassifier", [x], outputs=2, **found).run([x]), here, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("model", [SVC(), SVC(kernel="poly", probability=True), SVR(kernel="sigmoid")])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_pipeline_stays_on_the_device(model: Any, cupy: Any) -> None:
    x, y = cases.data()
    model = make_pipeline(StandardScaler(), model).fit(x, y)
    fast = sklort.convert(model, x, device="cuda")
    assert fast.parity_report_.ok
    there = fast.predict(cupy.asarray(x))
    assert isinstance(there, cupy.ndarray)
    np.testing.assert_allclose(there.get(), model.predict(x), rtol=1e-9)
