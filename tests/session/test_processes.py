"""One session, many threads; and what becomes of it in other processes."""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklort
from sklort.session.inference_session import InferenceSession
from tests.conformance.malformed import outlives

MODELS = {
    "forest": RandomForestClassifier(20, random_state=0),
    "neighbours": KNeighborsClassifier(5),
    "network": make_pipeline(StandardScaler(), MLPClassifier((20,), max_iter=30, random_state=0)),
}


def trained(name: str) -> tuple[onnx.ModelProto, np.ndarray]:
    rows, target = make_classification(600, 12, n_informative=6, n_classes=3, random_state=0)
    return sklort.convert(MODELS[name].fit(rows, target), rows, parity=False).onnx_model_, rows


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", MODELS)
def test_many_threads_give_the_bits_of_one(name):
    """Batches of every size, several outputs, plain calls and calls through the background, all at once."""
    proto, rows = trained(name)
    session, alone = InferenceSession(proto), sklort.SessionOptions()
    alone.intra_op_num_threads = 1
    serial = InferenceSession(proto, alone)
    feed = session.get_inputs()[0].name
    names = [arg.name for arg in session.get_outputs()]
    sizes = [1, 2, 7, 64, 500, 1500, 6000]
    batches = [np.resize(rows, (size, rows.shape[1])) for size in sizes]
    expected = [serial.run(names, {feed: batch}) for batch in batches]

    def work(i: int) -> bool:
        which = i % len(batches)
        asked = names if i % 3 else names[::-1]
        wanted = expected[which] if i % 3 else expected[which][::-1]
        if i % 4:
            found = session.run(asked, {feed: batches[which]})
        else:
            done, come = threading.Event(), []
            session.run_async(asked, {feed: batches[which]}, lambda *told: (come.append(told), done.set()), None)
            assert done.wait(60)
            ((found, _, error),) = come
            assert error == ""
        return all(a.tobytes() == b.tobytes() for a, b in zip(found, wanted, strict=True))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(120)))


SCRIPT = """
import multiprocessing, pickle, threading

def answer(session, rows):
    feed = {{session.get_inputs()[0].name: rows}}
    found, told, done = session.run(None, feed), [], threading.Event()
    session.run_async(None, feed, lambda *results: (told.append(results), done.set()), None)
    assert done.wait(60)
    assert all((a == b).all() for a, b in zip(found, told[0][0]))
    return found

def work(session, rows, results):
    results.send([array.tobytes() for array in answer(session, rows)])

if __name__ == "__main__":
    with open({path!r}, "rb") as file:
        session, rows = pickle.load(file)
    expected = [array.tobytes() for array in answer(session, rows)]  # threads have worked here
    context = multiprocessing.get_context({method!r})
    for _ in range(2):
        mine, theirs = context.Pipe(duplex=False)
        child = context.Process(target=work, args=(session, rows, theirs))
        child.start()
        theirs.close()
        print(mine.recv() == expected)
        child.join()
        assert child.exitcode == 0
    print([array.tobytes() for array in answer(session, rows)] == expected)
"""


@pytest.mark.parametrize(
    "method", [pytest.param("fork", marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")), "spawn"]
)
@pytest.mark.parametrize("name", ["forest", "neighbours"])
def test_a_child_answers_as_its_parent_does(name, method, tmp_path: Path):
    proto, rows = trained(name)
    rows = np.resize(rows, (4000, rows.shape[1]))
    (tmp_path / "session.pickle").write_bytes(pickle.dumps((InferenceSession(proto), rows)))
    script = tmp_path / "program.py"
    script.write_text(SCRIPT.format(path=str(tmp_path / "session.pickle"), method=method))
    program = f"import subprocess, sys; subprocess.run([sys.executable, {str(script)!r}], check=True)"
    assert outlives(program).split() == ["True"] * 3
