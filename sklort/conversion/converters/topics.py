"""Topics of documents: latent Dirichlet allocation. Source: ``_lda.py`` and ``_online_lda_fast.pyx`` of scikit-learn.

Each document is moved until it settles, and stops by itself: a Loop over all rows at once, in which a row that has
settled keeps what it has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper
from sklearn.decomposition import LatentDirichletAllocation

from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import BOOL, DOUBLE, Answers, Write, Writer
from sklort.exceptions import ConversionError

_EULER = 0.577215664901532860606512090082402431


def _digamma(x: Tensor) -> Tensor:
    """As scikit-learn computes it for x > 0: shifted to 6 or more, where a series does."""
    near = -_EULER - 1.0 / x
    tiny = x <= 1e-6
    result: Tensor = x * 0.0
    for _ in range(6):
        small = x < 6.0
        result = small.where(result - 1.0 / x, result)
        x = small.where(x + 1.0, x)
    r = 1.0 / x
    result = result + (x.apply("Log") - r * 0.5)
    r = r * r
    return tiny.where(near, result - r * (1.0 / 12.0 - r * (1.0 / 120.0 - r * (1.0 / 252.0))))


def _expected(topics: Tensor) -> Tensor:
    result: Tensor = _digamma(topics) - _digamma(topics.sum())
    return result.apply("Exp")


def _write_allocation(writer: Writer) -> Answers:
    model = writer.model
    words = np.asarray(model.exp_dirichlet_component_)
    if words.dtype != np.float64:
        raise ConversionError(
            f"{writer.where} was fitted on float32: in how many steps a document settles hangs on the rounding there"
        )
    rows = writer.floats().astype(DOUBLE)
    refused = writer.refuse_where((rows < 0.0).astype(DOUBLE).max() > 0.0)
    start = writer.for_each_row(np.ones(len(words)))
    topics = _settled(writer, rows + refused, words, [start, _expected(start), writer.for_each_row(np.zeros(1))])
    return {"transform": topics / topics.sum()}


def _settled(writer: Writer, rows: Tensor, words: np.ndarray, first: list[Tensor]) -> Tensor:
    """The topics (n, k) of each row, unnormalised."""
    model = writer.model
    inner = writer.graph.inside()
    body = Writer(inner, model, [])
    names = [inner.fresh(name) for name in ("step", "going", "topics", "expected", "rest")]
    topics, expected, rest = (Tensor(body, name, DOUBLE) for name in names[2:])
    counts = Tensor(body, rows.name, DOUBLE)
    moved = expected * ((counts / (expected @ words + np.finfo(np.float64).eps)) @ words.T) + model.doc_topic_prior_
    change = (moved - topics).apply("Abs").sum() / float(len(words))
    at_rest = rest > 0.0
    answers = [
        at_rest.where(topics, moved),
        at_rest.where(expected, _expected(moved)),
        (at_rest | (change < float(model.mean_change_tol))).astype(DOUBLE),
    ]
    least = body.node("ReduceMin", [answers[2].name], keepdims=0)
    going = Tensor(body, least, DOUBLE) < np.array(0.5)
    widths = [len(words), len(words), 1]
    proto: Any = inner.proto
    proto.name = "documents"
    proto.input.append(helper.make_tensor_value_info(names[0], TensorProto.INT64, []))
    proto.input.append(helper.make_tensor_value_info(names[1], TensorProto.BOOL, []))
    proto.output.append(helper.make_tensor_value_info(going.name, TensorProto.BOOL, []))
    for name, answer, width in zip(names[2:], answers, widths, strict=True):
        proto.input.append(helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, width]))
        proto.output.append(helper.make_tensor_value_info(answer.name, TensorProto.DOUBLE, [None, width]))
    most = writer.constant(np.array(model.max_doc_update_iter, np.int64))
    begin = writer.constant(np.array(True, BOOL))
    found = writer.nodes("Loop", [most, begin, *(one.name for one in first)], 3, body=proto)
    return Tensor(writer, found[0], DOUBLE, len(words))


CONVERTERS: dict[type, Write] = {LatentDirichletAllocation: _write_allocation}
