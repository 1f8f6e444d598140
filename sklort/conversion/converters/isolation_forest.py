"""IsolationForest: the depths of the leaves a row reaches, added and turned into a score, in double.

Source: ``sklearn/ensemble/_iforest.py``.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length

from sklort.conversion.converters.trees import nodes_of, write_trees
from sklort.conversion.trees.forest import build
from sklort.conversion.writer import INT64, Answers, Write, Writer


def _write(writer: Writer) -> Answers:
    model = writer.model
    subset = model._max_features != model.n_features_in_
    nodes = []
    for number, (one, columns) in enumerate(zip(model.estimators_, model.estimators_features_, strict=True)):
        depths = model._decision_path_lengths[number] + model._average_path_length_per_tree[number] - 1.0
        nodes.append(nodes_of(one.tree_, depths.reshape(-1, 1), columns if subset else None))
    depths = write_trees(writer, build(nodes, 1)).flat()
    denominator = float(len(model.estimators_) * _average_path_length([model._max_samples])[0])
    # With one training row there is nothing to divide by, and the score is 1/2.
    exponent = -(depths / denominator) if denominator else depths * 0.0 - 1.0
    scores = -(writer.tensor(np.array(2.0)) ** exponent)
    decision = scores - float(model.offset_)
    label = (decision < 0.0).where(np.array(-1, np.int64), np.array(1, np.int64))
    return {"predict": label.astype(INT64), "decision_function": decision, "score_samples": scores}


CONVERTERS: dict[type, Write] = {IsolationForest: _write}
