"""Random trees, their ONNX attributes, and a judge that follows the specification one node at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklort._native import _core

MODES = (
    "BRANCH_LEQ",
    "BRANCH_LT",
    "BRANCH_GTE",
    "BRANCH_GT",
    "BRANCH_EQ",
    "BRANCH_NEQ",
)


@dataclass
class Leaf:
    addends: list[tuple[int, float]]


@dataclass
class Branch:
    feature: int
    mode: str
    threshold: float
    nan_yes: bool
    yes: Branch | Leaf
    no: Branch | Leaf
    members: tuple[float, ...] = field(default=())


Tree = Branch | Leaf


def judge(tree: Tree, row: np.ndarray) -> Leaf:
    """The leaf of one row: compared in double, a NaN as the node says or as the comparison gives."""
    while isinstance(tree, Branch):
        x, t = float(row[tree.feature]), tree.threshold
        yes = {
            "BRANCH_LEQ": x <= t,
            "BRANCH_LT": x < t,
            "BRANCH_GTE": x >= t,
            "BRANCH_GT": x > t,
            "BRANCH_EQ": x == t,
            "BRANCH_NEQ": x != t,
            "BRANCH_MEMBER": x in tree.members,
        }[tree.mode]
        tree = tree.yes if yes or (math.isnan(x) and tree.nan_yes) else tree.no
    return tree


def judged_sums(trees: list[Tree], rows: np.ndarray, targets: int, aggregate: str = "SUM") -> np.ndarray:
    out = np.zeros((len(rows), targets))
    for i, row in enumerate(rows):
        seen: list[list[float]] = [[] for _ in range(targets)]
        for tree in trees:
            for target, weight in judge(tree, row).addends:
                seen[target].append(weight)
        for target, weights in enumerate(seen):
            total = 0.0
            if aggregate in ("SUM", "AVERAGE"):
                for weight in weights:
                    total += weight
                out[i, target] = total / len(trees) if aggregate == "AVERAGE" else total
            elif weights:
                out[i, target] = min(weights) if aggregate == "MIN" else max(weights)
    return out


def random_tree(
    rng: np.random.Generator,
    *,
    features: int,
    targets: int,
    depth: int,
    modes: tuple[str, ...] = ("BRANCH_LEQ",),
    thresholds: np.ndarray,
    one_target: int | None = None,
    nan_yes: bool = True,
    float32_weights: bool = False,
) -> Tree:
    def leaf() -> Leaf:
        chosen = [one_target] if one_target is not None else rng.permutation(targets)[: rng.integers(1, targets + 1)]
        weights = rng.normal(size=len(chosen))
        if float32_weights:
            weights = weights.astype(np.float32)
        return Leaf([(int(t), float(w)) for t, w in zip(chosen, weights, strict=True)])

    def grow(left: int) -> Tree:
        if left == 0 or rng.random() < 0.15:
            return leaf()
        return Branch(
            int(rng.integers(features)),
            str(rng.choice(modes)),
            float(rng.choice(thresholds)),
            bool(nan_yes and rng.random() < 0.5),
            grow(left - 1),
            grow(left - 1),
        )

    return grow(depth)


def nodes_of(tree: Tree) -> list[Tree]:
    """All nodes in the order of a walk that visits a node before its children, `yes` first."""
    if isinstance(tree, Leaf):
        return [tree]
    return [tree, *nodes_of(tree.yes), *nodes_of(tree.no)]


def attributes_v3(trees: list[Tree], *, prefix: str, double: bool = False) -> dict[str, Any]:
    """As TreeEnsembleClassifier (prefix "class") or TreeEnsembleRegressor (prefix "target") spell it."""
    rows: dict[str, list[Any]] = {
        name: []
        for name in (
            "treeids",
            "nodeids",
            "featureids",
            "modes",
            "values",
            "truenodeids",
            "falsenodeids",
            "nan",
        )
    }
    leaf_rows: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for t, tree in enumerate(trees):
        nodes = nodes_of(tree)
        number = {id(node): i for i, node in enumerate(nodes)}
        for i, node in enumerate(nodes):
            branch = node if isinstance(node, Branch) else None
            rows["treeids"].append(t)
            rows["nodeids"].append(i)
            rows["featureids"].append(branch.feature if branch else 0)
            rows["modes"].append(branch.mode if branch else "LEAF")
            rows["values"].append(branch.threshold if branch else 0.0)
            rows["truenodeids"].append(number[id(branch.yes)] if branch else 0)
            rows["falsenodeids"].append(number[id(branch.no)] if branch else 0)
            rows["nan"].append(int(branch.nan_yes) if branch else 0)
            for target, weight in node.addends if isinstance(node, Leaf) else ():
                leaf_rows["treeids"].append(t)
                leaf_rows["nodeids"].append(i)
                leaf_rows["ids"].append(target)
                leaf_rows["weights"].append(weight)
    out: dict[str, Any] = {
        f"nodes_{name}": np.array(rows[name], np.int64)
        for name in ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")
    }
    out["nodes_missing_value_tracks_true"] = np.array(rows["nan"], np.int64)
    out["nodes_modes"] = tuple(rows["modes"])
    for name in ("treeids", "nodeids", "ids"):
        out[f"{prefix}_{name}"] = np.array(leaf_rows[name], np.int64)
    kind, suffix = (np.float64, "_as_tensor") if double else (np.float32, "")
    out[f"nodes_values{suffix}"] = np.array(rows["values"], kind)
    out[f"{prefix}_weights{suffix}"] = np.array(leaf_rows["weights"], kind)
    return out


def attributes_v5(trees: list[Tree], targets: int, aggregate: int = 1) -> dict[str, Any]:
    """As TreeEnsemble spells it: leaves of one target, apart from the branches; a tree must not be a single leaf."""
    branches: list[Branch] = []
    leaves: list[Leaf] = []
    roots: list[int] = []
    for tree in trees:
        nodes = nodes_of(tree)
        assert isinstance(tree, Branch)
        roots.append(len(branches))
        branches += [node for node in nodes if isinstance(node, Branch)]
        leaves += [node for node in nodes if isinstance(node, Leaf)]
    branch_at = {id(node): i for i, node in enumerate(branches)}
    leaf_at = {id(node): i for i, node in enumerate(leaves)}

    def refs(children: list[Tree]) -> tuple[np.ndarray, np.ndarray]:
        at = [leaf_at[id(c)] if isinstance(c, Leaf) else branch_at[id(c)] for c in children]
        return np.array(at, np.int64), np.array([isinstance(c, Leaf) for c in children], np.int64)

    yes, yes_leaf = refs([b.yes for b in branches])
    no, no_leaf = refs([b.no for b in branches])
    members = [[*b.members, math.nan] for b in branches if b.mode == "BRANCH_MEMBER"]
    modes = [*MODES, "BRANCH_MEMBER"]
    out: dict[str, Any] = {
        "tree_roots": np.array(roots, np.int64),
        "nodes_featureids": np.array([b.feature for b in branches], np.int64),
        "nodes_modes": np.array([modes.index(b.mode) for b in branches], np.uint8),
        "nodes_splits": np.array([b.threshold for b in branches], np.float64),
        "nodes_truenodeids": yes,
        "nodes_trueleafs": yes_leaf,
        "nodes_falsenodeids": no,
        "nodes_falseleafs": no_leaf,
        "nodes_missing_value_tracks_true": np.array([b.nan_yes for b in branches], np.int64),
        "leaf_targetids": np.array([leaf.addends[0][0] for leaf in leaves], np.int64),
        "leaf_weights": np.array([leaf.addends[0][1] for leaf in leaves], np.float64),
        "n_targets": targets,
        "aggregate_function": aggregate,
    }
    if members:
        out["membership_values"] = np.concatenate([np.array(m, np.float64) for m in members])
    return out


DTYPE_NUMBERS = {"float32": 1, "uint8": 2, "int32": 6, "int64": 7, "float64": 11}


def program(
    op_type: str,
    version: int,
    attributes: dict[str, Any],
    dtype: str | None,
    outputs: tuple[int, ...] = (0,),
) -> _core.Program:
    """One tree node; `dtype` None leaves the rows' type open until the first run. `outputs`: declared types."""
    builder = _core.ProgramBuilder(1 + len(outputs))
    builder.input(0, "X", DTYPE_NUMBERS[dtype] if dtype else 0, None)
    slots = list(range(1, 1 + len(outputs)))
    builder.step(op_type, "ai.onnx.ml", op_type, version, attributes, [0], slots, [])
    for slot, declared in zip(slots, outputs, strict=True):
        builder.output(slot, f"Y{slot}", declared)
    return builder.build()
