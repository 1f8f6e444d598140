"""The tree operators against a judge that follows the specification, on rows made to hit every edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.forests import (
    MODES,
    Branch,
    Leaf,
    attributes_v3,
    attributes_v5,
    judged_sums,
    program,
    random_tree,
)

SPECIAL = [
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    5e-324,
    -5e-324,
    1e-45,
    -1e-45,
    1e-310,
    3.4e38,
    -3.4e38,
    1.7e308,
]


def edge_rows(
    rng: np.random.Generator,
    thresholds: np.ndarray,
    features: int,
    dtype: type,
    count: int,
) -> np.ndarray:
    """Rows of values on thresholds, one step of `dtype` either side of them, and the special ones."""
    with np.errstate(over="ignore"):
        at = thresholds[np.isfinite(thresholds)].astype(dtype)
        pool = [
            at,
            np.nextafter(at, dtype(np.inf)),
            np.nextafter(at, dtype(-np.inf)),
            np.array(SPECIAL, dtype),
        ]
    return rng.choice(np.concatenate(pool), size=(count, features)).astype(dtype)


def thresholds_of(rng: np.random.Generator, *, special: bool, float32: bool) -> np.ndarray:
    values = np.concatenate([rng.normal(size=20), [0.0, -0.0, 0.5]])
    if special:
        values = np.concatenate([values, [np.inf, -np.inf, 5e-324, -1e-45, 1e-310]])
    return values.astype(np.float32).astype(np.float64) if float32 else values


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("modes", [MODES[:1], MODES[:4], MODES], ids=["leq", "ordered", "all"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_regressor_sends_every_row_to_the_right_leaf(seed: int, modes: tuple[str, ...], dtype: type) -> None:
    rng = np.random.default_rng(seed)
    thresholds = thresholds_of(rng, special=True, float32=False)
    trees = [random_tree(rng, features=5, targets=3, depth=6, modes=modes, thresholds=thresholds) for _ in range(20)]
    rows = edge_rows(rng, thresholds, 5, dtype, 100)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 3}
    compiled = program("TreeEnsembleRegressor", 3, attributes, np.dtype(dtype).name)
    want = judged_sums(trees, rows, 3).astype(np.float32)
    np.testing.assert_array_equal(compiled.run([rows])[0], want)
    undecided = program("TreeEnsembleRegressor", 3, attributes, None)
    np.testing.assert_array_equal(undecided.run([rows])[0], want)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tree_ensemble_adds_in_double_in_the_order_of_the_trees(seed: int, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    thresholds = thresholds_of(rng, special=True, float32=False)
    modes = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")
    trees = [
        Branch(0, "BRANCH_LEQ", 0.0, False, tree, Leaf([(t % 3, 0.1)])) if isinstance(tree, Leaf) else tree
        for t in range(30)
        for tree in [
            random_tree(
                rng,
                features=4,
                targets=3,
                depth=5,
                modes=modes,
                thresholds=thresholds,
                one_target=t % 3,
            )
        ]
    ]
    rows = edge_rows(rng, thresholds, 4, dtype, 150)
    compiled = program("TreeEnsemble", 5, attributes_v5(trees, 3), np.dtype(dtype).name)
    want = judged_sums(trees, rows, 3)
    got = compiled.run([rows])[0]
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, want)


def copies_for_targets(tree: Any, weights: np.random.Generator, targets: int) -> list[Any]:
    """The same structure once for each target, with weights of its own."""

    def copy(node: Any, target: int) -> Any:
        if isinstance(node, Leaf):
            return Leaf([(target, float(weights.normal()))])
        return Branch(
            node.feature,
            node.mode,
            node.threshold,
            node.nan_yes,
            copy(node.yes, target),
            copy(node.no, target),
        )

    return [copy(tree, target) for target in range(targets)]


def test_copies_of_a_tree_are_walked_once_and_change_nothing() -> None:
    rng = np.random.default_rng(0)
    thresholds = thresholds_of(rng, special=False, float32=False)
    shapes = [
        Branch(
            1,
            "BRANCH_LEQ",
            0.1 * t,
            True,
            Leaf([(0, 1.0)]),
            random_tree(rng, features=4, targets=1, depth=5, thresholds=thresholds),
        )
        for t in range(12)
    ]
    trees = [copy for shape in shapes for copy in copies_for_targets(shape, rng, 3)]
    rows = edge_rows(rng, thresholds, 4, np.float32, 200)
    for aggregate, name in ((1, "SUM"), (0, "AVERAGE")):
        compiled = program("TreeEnsemble", 5, attributes_v5(trees, 3, aggregate), "float32")
        assert compiled.explain()[0].startswith("TreeEnsemble: 12 trees")
        np.testing.assert_array_equal(compiled.run([rows])[0], judged_sums(trees, rows, 3, name))


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
def test_aggregates(aggregate: str) -> None:
    rng = np.random.default_rng(3)
    thresholds = thresholds_of(rng, special=False, float32=True)
    trees = [
        random_tree(
            rng,
            features=3,
            targets=2,
            depth=4,
            thresholds=thresholds,
            float32_weights=True,
        )
        for _ in range(7)
    ]
    rows = edge_rows(rng, thresholds, 3, np.float32, 50)
    attributes = attributes_v3(trees, prefix="target") | {
        "n_targets": 2,
        "aggregate_function": aggregate,
    }
    base = np.array([0.25, -3.0], np.float32)
    got = program("TreeEnsembleRegressor", 1, attributes | {"base_values": base}, "float32").run([rows])[0]
    np.testing.assert_array_equal(got, (judged_sums(trees, rows, 2, aggregate) + base).astype(np.float32))


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_integer_rows(dtype: str) -> None:
    rng = np.random.default_rng(4)
    thresholds = np.arange(0, 200, 7).astype(np.float64)
    trees = [random_tree(rng, features=3, targets=1, depth=5, modes=MODES, thresholds=thresholds) for _ in range(9)]
    rows = rng.integers(0, 200, size=(80, 3)).astype(dtype)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 1}
    got = program("TreeEnsembleRegressor", 3, attributes, dtype).run([rows])[0]
    np.testing.assert_array_equal(got, judged_sums(trees, rows, 1).astype(np.float32))


def test_members_of_sets() -> None:
    rng = np.random.default_rng(5)
    inner = Branch(
        1,
        "BRANCH_MEMBER",
        0.0,
        True,
        Leaf([(0, 4.0)]),
        Leaf([(0, 8.0)]),
        members=(7.0,),
    )
    root = Branch(0, "BRANCH_MEMBER", 0.0, False, Leaf([(0, 1.0)]), inner, members=(3.0, 1.0, 2.5))
    rows = rng.choice([1.0, 2.5, 3.0, 7.0, 0.0, -0.0, np.nan, np.inf], size=(60, 2))
    got = program("TreeEnsemble", 5, attributes_v5([root], 1), "float64").run([rows])[0]
    np.testing.assert_array_equal(got, judged_sums([root], rows, 1))


def forest(
    seed: int, *, features: int = 30, trees: int = 60, depth: int = 7, targets: int = 2
) -> tuple[list[Any], np.ndarray]:
    rng = np.random.default_rng(seed)
    thresholds = thresholds_of(rng, special=False, float32=False)
    grown = [
        random_tree(rng, features=features, targets=targets, depth=depth, thresholds=thresholds) for _ in range(trees)
    ]
    return grown, edge_rows(rng, thresholds, features, np.float32, 2500)


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("features", [30, 400], ids=["narrow", "wide"])
def test_sums_do_not_depend_on_the_batch_the_threads_or_the_instruction_set(isa: str, features: int) -> None:
    trees, rows = forest(6, features=features)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    compiled = program("TreeEnsembleRegressor", 3, attributes, "float32")
    nodes = "8 bytes" if features == 30 else "16 bytes"
    assert f"nodes of {nodes}" in compiled.explain()[0]
    _core.choose_isa("baseline")
    _core.set_thread_limit(1)
    try:
        want = compiled.run([rows])[0]
        np.testing.assert_array_equal(want[:60], judged_sums(trees, rows[:60], 2).astype(np.float32))
        _core.choose_isa(isa)
        for threads in (1, 2, 5):
            _core.set_thread_limit(threads)
            for count in (1, 2, 3, 7, 8, 9, 63, 512, 513, 2500):
                np.testing.assert_array_equal(compiled.run([rows[:count]])[0], want[:count])
    finally:
        _core.choose_isa("")
        _core.set_thread_limit(0)


@pytest.mark.parametrize(
    "labels",
    [
        {"classlabels_int64s": np.array([4, 2, 9])},
        {"classlabels_strings": ("a", "é", "")},
    ],
)
@pytest.mark.parametrize("post", ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"])
def test_classifier_of_three_classes(labels: dict[str, Any], post: str) -> None:
    rng = np.random.default_rng(7)
    thresholds = thresholds_of(rng, special=True, float32=True)
    trees = [
        random_tree(
            rng,
            features=4,
            targets=3,
            depth=4,
            thresholds=thresholds,
            float32_weights=True,
        )
        for _ in range(11)
    ]
    rows = edge_rows(rng, thresholds, 4, np.float32, 90)
    attributes = attributes_v3(trees, prefix="class") | {"post_transform": post} | labels
    got_labels, got = program("TreeEnsembleClassifier", 1, attributes, "float32", (0, 0)).run([rows])
    sums = judged_sums(trees, rows, 3)
    names = np.array(next(iter(labels.values())))
    assert got_labels.tolist() == names[sums.argmax(axis=1)].tolist()
    exp = np.exp(sums - sums.max(axis=1, keepdims=True))
    nonzero = np.where(sums != 0, exp, 0)
    want = {
        "NONE": sums,
        "SOFTMAX": exp / exp.sum(axis=1, keepdims=True),
        "LOGISTIC": 1 / (1 + np.exp(-sums)),
        "SOFTMAX_ZERO": nonzero / nonzero.sum(axis=1, keepdims=True),
    }[post]
    np.testing.assert_allclose(got, want, rtol=2e-7, atol=1e-12)


@pytest.mark.parametrize("class_id", [0, 1])
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("post", ["NONE", "LOGISTIC"])
def test_two_classes_written_as_one_score(class_id: int, positive: bool, post: str) -> None:
    low = 0.2 if positive else -0.2
    tree = Branch(0, "BRANCH_LEQ", 0.5, False, Leaf([(class_id, low)]), Leaf([(class_id, 0.7)]))
    attributes = attributes_v3([tree], prefix="class", double=True) | {
        "classlabels_int64s": np.array([5, 6]),
        "post_transform": post,
    }
    labels, scores = program("TreeEnsembleClassifier", 3, attributes, "float32", (0, 0)).run(
        [np.array([[0.0], [1.0]], np.float32)]
    )
    score = np.array([low, 0.7])
    assert labels.tolist() == [5, 6]
    if post == "LOGISTIC":
        want = np.stack([1 / (1 + np.exp(score)), 1 / (1 + np.exp(-score))], axis=1)
    else:
        want = np.stack([1 - score if positive else -score, score], axis=1)
    np.testing.assert_allclose(scores, want, rtol=2e-7)


def test_two_classes_with_weights_of_their_own_are_compared() -> None:
    tree = Branch(
        0,
        "BRANCH_LEQ",
        0.5,
        False,
        Leaf([(0, 0.6), (1, 0.4)]),
        Leaf([(0, 0.2), (1, 0.8)]),
    )
    attributes = attributes_v3([tree], prefix="class") | {"classlabels_int64s": np.array([5, 6])}
    labels, scores = program("TreeEnsembleClassifier", 1, attributes, "float32", (0, 0)).run(
        [np.array([[0.0], [1.0]], np.float32)]
    )
    assert labels.tolist() == [5, 6]
    np.testing.assert_allclose(scores, [[0.6, 0.4], [0.2, 0.8]], rtol=1e-6)


@pytest.mark.parametrize("trees", [6, 10, 100, 7])
@pytest.mark.parametrize("spelt", ["one score", "a score for each class"])
def test_equal_votes_answer_the_first_class(trees: int, spelt: str) -> None:
    """As floats, votes of a sixth add up to more than a half in double, and other fractions to less."""
    share = float(np.float32(1 / trees))
    forest = []
    for i in range(trees):
        first = Leaf([(1, 0.0)] if spelt == "one score" else [(0, share), (1, 0.0)])
        second = Leaf([(1, share)] if spelt == "one score" else [(0, 0.0), (1, share)])
        forest.append(Branch(0, "BRANCH_LEQ", i + 0.5, False, second, first))
    attributes = attributes_v3(forest, prefix="class") | {"classlabels_int64s": np.array([5, 6])}
    rows = np.arange(trees + 1, dtype=np.float32)[:, None]  # row i: i trees vote for the first class
    labels, _ = program("TreeEnsembleClassifier", 1, attributes, "float32", (0, 0)).run([rows])
    assert labels.tolist() == [6 if votes < trees - votes else 5 for votes in range(trees + 1)]


def test_one_class_gives_its_label() -> None:
    attributes = attributes_v3([Leaf([(0, 0.3)])], prefix="class") | {"classlabels_int64s": np.array([7])}
    labels, scores = program("TreeEnsembleClassifier", 1, attributes, "float32", (0, 0)).run(
        [np.zeros((3, 2), np.float32)]
    )
    assert labels.tolist() == [7, 7, 7]
    np.testing.assert_allclose(scores, np.full((3, 1), 0.3), rtol=1e-6)


@pytest.mark.parametrize(
    ("addends", "targets", "sums"),
    [
        ([(0, 6.0), (0, 6.0), (0, 6.0)], 1, [6.0]),  # the number of a leaf, once for each class
        ([(0, 6.0), (0, 6.0), (0, 5.0)], 1, [17.0]),
        ([(0, 6.0), (0, 6.0)], 2, [12.0, 0.0]),
    ],
)
def test_a_weight_that_one_target_is_given_again_and_again_counts_once(addends, targets, sums) -> None:
    tree = Branch(0, "BRANCH_LEQ", 0.0, False, Leaf(addends), Leaf([(0, 3.0)]))
    attributes = attributes_v3([tree, tree], prefix="target") | {"n_targets": targets}
    rows = np.array([[-1.0], [1.0]], np.float32)
    found = program("TreeEnsembleRegressor", 1, attributes, "float32").run([rows])[0]
    np.testing.assert_array_equal(found[0], 2 * np.array(sums, np.float32))
    assert found[1, 0] == 6


def test_shared_subtrees_and_empty_batches() -> None:
    shared = Branch(1, "BRANCH_LEQ", 0.0, True, Leaf([(0, 1.0)]), Leaf([(0, 2.0)]))
    root = Branch(
        0,
        "BRANCH_LEQ",
        0.0,
        False,
        shared,
        Branch(0, "BRANCH_LEQ", 1.0, False, shared, Leaf([(0, 4.0)])),
    )
    attributes = attributes_v5([root], 1)
    # `nodes_of` lists the shared branch twice; pointing both at the first keeps the meaning and makes it shared in the
    # model.
    attributes["nodes_truenodeids"][attributes["nodes_truenodeids"] == 3] = 1
    rows = np.array([[a, b] for a in (-1, 0.5, 2) for b in (-1, 1, np.nan)])
    compiled = program("TreeEnsemble", 5, attributes, "float64")
    np.testing.assert_array_equal(compiled.run([rows])[0], judged_sums([root], rows, 1))
    assert compiled.run([rows[:0]])[0].shape == (0, 1)


def test_a_chain_of_many_levels() -> None:
    levels = 30_000
    ids = np.arange(levels)
    attributes: dict[str, Any] = {
        "tree_roots": np.array([0]),
        "nodes_featureids": np.zeros(levels, np.int64),
        "nodes_modes": np.zeros(levels, np.uint8),
        "nodes_splits": ids.astype(np.float64),
        "nodes_truenodeids": ids,
        "nodes_trueleafs": np.ones(levels, np.int64),
        "nodes_falsenodeids": np.append(ids[1:], levels),
        "nodes_falseleafs": np.append(np.zeros(levels - 1, np.int64), 1),
        "leaf_targetids": np.zeros(levels + 1, np.int64),
        "leaf_weights": np.arange(levels + 1).astype(np.float64),
        "n_targets": 1,
    }
    rows = np.array([[-5.0], [12345.5], [1e9]], np.float32)
    np.testing.assert_array_equal(
        program("TreeEnsemble", 5, attributes, "float32").run([rows])[0],
        [[0.0], [12346.0], [30000.0]],
    )


def planted(name: str, value: Any) -> dict[str, Any]:
    tree = Branch(
        0,
        "BRANCH_LEQ",
        0.5,
        False,
        Branch(1, "BRANCH_LEQ", 0.5, False, Leaf([(0, 1.0)]), Leaf([(0, 2.0)])),
        Leaf([(0, 3.0)]),
    )
    attributes = attributes_v5([tree], 1)
    if isinstance(value, tuple):
        index, entry = value
        attributes[name] = attributes[name].copy()
        attributes[name][index] = entry
    else:
        attributes[name] = value
    return attributes


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("nodes_truenodeids", (1, 7), r"'nodes_truenodeids'\[1\] is 7"),
        ("nodes_truenodeids", (0, -1), r"'nodes_truenodeids'\[0\] is -1"),
        ("nodes_truenodeids", (0, 0), "cycle"),
        ("nodes_featureids", (0, -2), r"'nodes_featureids'\[0\] is -2"),
        ("nodes_modes", (0, 9), r"'nodes_modes'\[0\] is 9"),
        ("leaf_targetids", (0, 1), r"'leaf_targetids'\[0\] is 1"),
        ("tree_roots", (0, 5), r"'tree_roots'\[0\] is 5"),
        ("nodes_splits", np.zeros(3), "'nodes_splits' has 3 entries"),
        ("aggregate_function", 4, "'aggregate_function' is 4"),
        ("post_transform", 5, "'post_transform' is 5"),
        ("n_targets", 0, "'n_targets' is 0"),
        ("leaf_weights", np.zeros(3, np.int64), "float or double"),
    ],
)
def test_a_malformed_forest_is_refused(name: str, value: Any, says: str) -> None:
    with pytest.raises(InvalidGraph, match=says):
        program("TreeEnsemble", 5, planted(name, value), "float32")


def test_rows_of_too_few_columns_are_refused_and_the_program_lives() -> None:
    compiled = program("TreeEnsemble", 5, planted("n_targets", 1), "float32")
    with pytest.raises(Fail, match="read feature 1, but the rows have 1 columns"):
        compiled.run([np.zeros((4, 1), np.float32)])
    assert compiled.run([np.zeros((4, 2), np.float32)])[0].tolist() == [[1.0]] * 4
