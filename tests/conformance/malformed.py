"""Small models written node by node, and what "refused well" means: the right error, in few words, and no harm done."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sklort.exceptions import SessionError
from sklort.session.inference_session import InferenceSession

ML = "ai.onnx.ml"
FLOAT, DOUBLE, INT64, STRING = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.STRING

INTERNALS = re.compile(r"\.cpp|\.cc\b|\.h:|::|\\x00|0x[0-9a-f]{6}|Traceback|site-packages")
"""What no message should show: our source, addresses, bytes of a model."""


def value_info(name: str, kind: Any) -> onnx.ValueInfoProto:
    """A declaration from an element type, an (element type, shape) pair, or a TypeProto."""
    if isinstance(kind, onnx.TypeProto):
        return helper.make_value_info(name, kind)
    element, shape = kind if isinstance(kind, tuple) else (kind, None)
    return helper.make_tensor_value_info(name, element, shape)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    initializers: Sequence[TensorProto] = (),
    opset: int = 17,
    ml: int | None = 3,
) -> onnx.ModelProto:
    """A model of these nodes; X (float, N by 2) to Y (float) unless told otherwise."""
    graph = helper.make_graph(
        nodes,
        "g",
        [value_info(*each) for each in (inputs or {"X": (FLOAT, ["N", 2])}).items()],
        [value_info(*each) for each in ({"Y": FLOAT} if outputs is None else outputs).items()],
        list(initializers),
    )
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(ML, ml)] if ml else [])
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def node(op_type: str, *inputs: str, out: Sequence[str] = ("Y",), name: str = "n", domain: str = "", **attributes: Any):
    return helper.make_node(op_type, list(inputs), list(out), name=name, domain=domain, **attributes)


def ml_node(op_type: str, *inputs: str, out: Sequence[str] = ("Y",), **attributes: Any) -> onnx.NodeProto:
    return node(op_type, *inputs, out=out, domain=ML, **attributes)


def tensor(name: str, values: Any, dtype: Any = np.float32) -> TensorProto:
    return onnx.numpy_helper.from_array(np.asarray(values, dtype), name)


def check_words(error: BaseException, words: Sequence[str]) -> None:
    """Every one of `words` (patterns) is in the message, which is short and free of internals."""
    text = str(error)
    for word in words:
        assert re.search(word, text), f"{word!r} is not in: {text}"
    assert not INTERNALS.search(text), text
    assert len(text) < 600, text


def refuses_to_load(source: Any, kind: type[BaseException], *words: str, **arguments: Any) -> None:
    """The session is not made: an error of exactly this class with these words."""
    with pytest.raises(kind) as caught:
        InferenceSession(source, **arguments)
    assert type(caught.value) is kind
    check_words(caught.value, words)


class Tried:
    """A session with a feed that it answers, so that it can be asked again after each refusal.

    Parameters
    ----------
    proto : ModelProto
    good : dict
        A feed.
    expected : array-like, optional
        The answer (the first output); without it the first answer counts.
    """

    def __init__(self, proto: onnx.ModelProto, good: dict[str, Any], expected: Any = None) -> None:
        self.session = InferenceSession(proto)
        self.good = good
        self.expected = self.session.run(None, good)[0] if expected is None else np.asarray(expected)
        self.check_alive()

    def check_alive(self) -> None:
        found = self.session.run(None, self.good)[0]
        if isinstance(found, np.ndarray):
            np.testing.assert_array_equal(found, self.expected)
        else:
            assert found == self.expected

    def refuses(self, feed: Any, kind: type[BaseException], *words: str, names: Any = None) -> None:
        """This run fails with an error of exactly this class and with these words; the next good one is answered."""
        with pytest.raises(kind) as caught:
            self.session.run(names, feed)
        assert type(caught.value) is kind, repr(caught.value)
        if isinstance(caught.value, SessionError):
            assert isinstance(caught.value, (ValueError, RuntimeError))
        check_words(caught.value, words)
        self.check_alive()


def outlives(script: str, timeout: float = 120) -> str:
    """What a fresh interpreter prints that runs `script` to its end; fails where it dies of it."""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=timeout, check=False)
    assert found.returncode == 0, f"exit status {found.returncode}\n{found.stdout}\n{found.stderr}"
    return found.stdout
