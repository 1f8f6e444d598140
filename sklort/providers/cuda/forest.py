"""Sums of leaf values on the device: the CUDA half of ``runtime/cpu/forest``."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from sklort.graph.ir import Node
from sklort.providers.cpu import forest_arrays
from sklort.providers.cuda.device import Device
from sklort.providers.cuda.forest_form import PART, Form, Groups, Launch, form_of, groups_of, launch_for

_VALUES = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
_GENERAL = ("thresholds", "features_read", "yes", "no", "set", "mode", "nan_yes", "leaf_begin", "addend_target")


class _OnDevice:
    """A form, uploaded."""

    def __init__(self, form: Form, device: Device) -> None:
        self.form = form
        self._device = device
        self._groups: dict[tuple[int, bool], tuple[Groups, list[Any]]] = {}
        up = device.constant
        self.nodes, self.values = up(form.nodes), up(form.values)
        self.features, self.nan_left = up(form.features), up(form.nan_left)
        self.tree_node, self.tree_depth = up(form.tree_node), up(form.tree_depth)
        self.tree_target, self.target_tree = up(form.tree_target), up(form.target_tree)

        self._coded: list[Any] = []

    def coded(self) -> list[Any]:
        """Rank-coded nodes, the entries of leaves, where trees begin; thresholds, and where those of a column begin."""
        ranks = self.form.ranks
        assert ranks is not None
        if not self._coded:
            arrays = (ranks.nodes, ranks.entries, ranks.tree_node, ranks.thresholds, ranks.begin)
            self._coded = [self._device.constant(each) for each in arrays]
        return self._coded

    def groups(self, stage_bytes: int, ranked: bool = False) -> tuple[Groups, list[Any]]:
        key = (stage_bytes, ranked)
        if key not in self._groups:
            source = self.form.ranks if ranked and self.form.ranks is not None else self.form
            made = groups_of(source, stage_bytes)
            self._groups[key] = (
                made,
                [self._device.constant(each) for each in (made.tree, made.node, made.staged)],
            )
        return self._groups[key]


class ForestOnDevice:
    """The forest of a tree operator, walked on the device.

    Parameters
    ----------
    node : Node
        TreeEnsemble, TreeEnsembleRegressor or TreeEnsembleClassifier.
    device : Device
    kernel : {"auto", "rows", "tile", "ranks", "leaves", "wide"}
        Which kernel, where it takes the forest; the answers are the same, to the bit.
    """

    def __init__(self, node: Node, device: Device, kernel: str = "auto") -> None:
        self._node = node
        self._device = device
        self._asked = kernel
        self._lock = threading.Lock()
        self._forms: dict[bool, _OnDevice] = {}
        self._general: list[Any] | None = None
        arrays = forest_arrays(node, doubles=False)
        self.targets = int(arrays["targets"])
        self.trees = int(arrays["trees"])
        self.average = arrays["aggregate"] == 0
        self.one_score = self.targets == 2 and bool(arrays["one_target"])
        self.positive = bool(arrays["positive"])
        self.refuses = str(arrays["refuses"])
        self.features = int(arrays["features"])
        self._aggregate = int(arrays["aggregate"])
        if self.refuses:
            members = ("roots", *_GENERAL, "addend_weight", "set_begin", "members")
            self._general = [device.constant(arrays[name]) for name in members]
        else:
            self._forms[False] = _OnDevice(form_of(arrays), device)

    def sums(self, rows: Any) -> Any:
        """The sums in double, rows x targets in fresh memory, of rows of float or double that are wide enough."""
        if rows.ndim == 1:
            rows = rows.reshape(1, -1)
        count = len(rows)
        sums = self._device.zeros((count, self.targets), np.float64)
        if count == 0:
            return sums
        strides = [stride // rows.dtype.itemsize for stride in rows.strides]
        if self._general is not None:
            self._sum_general(rows, strides, sums)
            return sums
        held = self._form(rows.dtype == np.float64)
        launch = launch_for(held.form, count, self._device.limits, self._asked)
        if launch.kernel == "rows":
            self._by_rows(held, launch, rows, strides, sums)
        elif launch.kernel == "tile":
            kept = 0 if held.form.width == 1 else held.form.width
            self._tiles(held, launch, rows, strides, kept, sums=sums)
        else:
            run = self._coded if launch.kernel == "ranks" else self._leaves_and_sums
            piece = launch.piece or count
            for first in range(0, count, piece):
                part = slice(first, first + piece)
                run(held, launch, rows[part], strides, sums[part])
        return sums

    @property
    def levels(self) -> int:
        """Of all trees together: what a row takes at most."""
        return sum(held.form.levels for held in list(self._forms.values())[:1])

    def explain(self) -> str:
        if self.refuses:
            return f"{self.trees} trees: a thread for each row, branch by branch ({self.refuses})"
        held = next(iter(self._forms.values())).form
        text = f"{held.trees} trees of {held.columns} columns, nodes of {held.node_bytes} bytes: "
        last = launch_for(held, 1, self._device.limits, self._asked)
        text += str(last)
        for power in range(1, 24):
            here = launch_for(held, 1 << power, self._device.limits, self._asked)
            if str(here) != str(last):
                text += f"; {here} from about {1 << power} rows"
            last = here
        return text

    def _form(self, doubles: bool) -> _OnDevice:
        with self._lock:
            if doubles not in self._forms:
                self._forms[doubles] = _OnDevice(form_of(forest_arrays(self._node, doubles=doubles)), self._device)
            return self._forms[doubles]

    def _types(self, form: Form, rows: Any) -> dict[str, str | int]:
        return {"key": "std::uint64_t" if form.wide else "std::uint32_t", "value": _VALUES[rows.dtype]}

    def _sum_general(self, rows: Any, strides: list[int], sums: Any) -> None:
        roots, *others = self._general or []
        arguments = [rows, *strides, len(rows), roots, self.trees, *others, self.targets, self._aggregate, sums]
        self._device.launch_over(
            "forest_general", "forest_general", len(rows), arguments, {"value": _VALUES[rows.dtype]}
        )

    def _by_rows(self, held: _OnDevice, launch: Launch, rows: Any, strides: list[int], sums: Any) -> None:
        form = held.form
        columns = [held.features, held.nan_left, form.columns]
        trees = [held.nodes, held.tree_node, held.target_tree, form.trees, held.values, self.targets]
        types = self._types(form, rows) | {"block": launch.block, "one": int(form.width == 1), "part": PART}
        arguments = [rows, *strides, len(rows), *columns, *trees, sums]
        grid = (len(rows),)
        self._device.launch("forest_rows", "forest_rows", grid, launch.block, arguments, launch.shared_bytes, types)

    def _tiles(
        self,
        held: _OnDevice,
        launch: Launch,
        rows: Any,
        strides: list[int],
        kept: int,
        *,
        sums: Any = None,
        leaves: Any = None,
        keys: Any = None,
    ) -> None:
        form, ranked = held.form, launch.kernel == "ranks"
        groups, arrays = held.groups(launch.stage_bytes, ranked)
        a_slice = -(-len(groups) // launch.slices)
        turn = int(abs(strides[1]) <= abs(strides[0]))
        types = self._types(form, rows) | {
            "block": launch.block,
            "rows": launch.paths,
            "sums": kept,
            "coded": int(ranked),
            "staged": int(keys is None or ranked),
        }
        nodes, entries, tree_node = held.coded()[:3] if ranked else (held.nodes, None, held.tree_node)
        if ranked:
            types["key"] = "std::uint16_t"
        arguments = [rows, *strides, len(rows), held.features, held.nan_left, form.columns, turn, nodes, *arrays]
        arguments += [tree_node, held.tree_depth, held.tree_target, len(groups), a_slice, launch.stage_bytes]
        arguments += [held.values, self.targets, keys, entries, sums, leaves]
        grid = (-(-len(rows) // launch.tile), -(-len(groups) // max(a_slice, 1)))
        if len(groups):
            self._device.launch("forest_tile", "forest_tile", grid, launch.block, arguments, launch.shared_bytes, types)

    def _coded(self, held: _OnDevice, launch: Launch, rows: Any, strides: list[int], sums: Any) -> None:
        form, count = held.form, len(rows)
        codes = self._device.empty((form.columns, count), np.uint16)
        arguments = [rows, *strides, count, held.features, held.nan_left, form.columns, *held.coded()[3:], codes]
        self._device.launch_over("forest_codes", "forest_codes", codes.size, arguments, self._types(form, rows))
        self._tiles(held, launch, rows, strides, 0 if form.width == 1 else form.width, sums=sums, keys=codes)

    def _leaves_and_sums(self, held: _OnDevice, launch: Launch, rows: Any, strides: list[int], sums: Any) -> None:
        form, count = held.form, len(rows)
        leaves = self._device.empty((form.trees, count), np.uint32)
        keys = None
        if launch.kernel == "wide":
            keys = self._device.empty((form.columns + 1, count), np.uint64 if form.wide else np.uint32)
            arguments = [rows, *strides, count, held.features, held.nan_left, form.columns, keys]
            self._device.launch_over("forest_wide", "forest_wide", keys.size, arguments, self._types(form, rows))
        self._tiles(held, launch, rows, strides, -1, leaves=leaves, keys=keys)
        if form.width == 1:
            arguments = [leaves, count, held.target_tree, self.targets, held.values, sums]
            self._device.launch_over("forest_gather", "forest_gather_one", sums.size, arguments)
        else:
            arguments = [leaves, count, form.trees, self.targets, held.values, sums]
            self._device.launch_over("forest_gather", "forest_gather_all", sums.size, arguments)
