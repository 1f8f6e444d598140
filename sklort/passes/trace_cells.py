"""How a matrix is put together, see `sklort.passes.cells`.

A value is followed back as a whole, a list of `Cell` s. What cannot be followed raises `Unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.graph.types import DType, TensorType
from sklort.passes.cells import FLAT, FLOATS, SOURCES, Bag, Cell, Encoder, Hot, Number, Rank, Stage, Table, Term
from sklort.passes.columns import ML, Unknown
from sklort.passes.rule import Facts
from sklort.passes.terms import cast_bag, cast_term, normalized, read_bag, staged, table_of, weighed, whole_bag

_STAGES = {"Sub": "subtract", "Add": "add", "Mul": "multiply", "Div": "divide"}


@dataclass
class Cells:
    """Follows values back; remembers the nodes on the way, the encoders that raise, and texts."""

    facts: Facts
    cone: dict[int, Node] = field(default_factory=dict)
    strict: list[Encoder] = field(default_factory=list)
    bags: list[Bag] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)

    def matrix(self, name: str) -> Sequence[Cell]:
        table = self.table(name)
        if table.inner:
            raise Unknown
        return table.cells

    def table(self, name: str) -> Table:
        if name not in self.tables:
            node = self.facts.maker.get(name)
            if node is None:
                self.tables[name] = self._source(name)
            else:
                self.cone[id(node)] = node
                self.tables[name] = self._made(node)
        return self.tables[name]

    def _source(self, name: str) -> Table:
        kind = next((value.type for value in self.facts.graph.inputs if value.name == name), None)
        if not isinstance(kind, TensorType) or kind.shape is None or kind.dtype not in SOURCES:
            raise Unknown
        if len(kind.shape) == 1 and kind.dtype is DType.STRING:
            return Table((Number(name, 0, kind.dtype, kind.dtype),), FLAT)
        if len(kind.shape) != 2:
            raise Unknown
        width = kind.shape[1]
        if not isinstance(width, int) or width < 1:
            raise Unknown
        return Table(tuple(Number(name, i, kind.dtype, kind.dtype) for i in range(width)))

    def _made(self, node: Node) -> Table:
        follow = _FOLLOW.get((node.domain, node.op_type))
        if follow is None or len(node.outputs) != 1:
            raise Unknown
        return follow(self, node)

    # --- what moves columns -----------------------------------------------------------------------------------------

    def _identity(self, node: Node) -> Table:
        return self.table(node.inputs[0])

    def _gather(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        axis = node.attributes.get("axis")
        if axis is None or axis.value not in ((1, -1) if not table.inner else (2, -1)):
            raise Unknown
        return self._chosen(table, self.constant(node.inputs[1], 1))

    def _extract(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        return self._chosen(table, self.constant(node.inputs[1], None).reshape(-1))

    def _chosen(self, table: Table, at: Array) -> Table:
        width = len(table.cells)
        if (
            table.inner not in (0, 1)
            or at.dtype.kind != "i"
            or not at.size
            or (at < -width).any()
            or (at >= width).any()
        ):
            raise Unknown
        return replace(table, cells=tuple(table.cells[i] for i in at.tolist()))

    def _concat(self, node: Node) -> Table:
        tables = [self.table(each) for each in node.inputs]
        inner = tables[0].inner
        axis = node.attributes["axis"].value
        if inner not in (0, 1) or axis not in ((1, -1) if not inner else (2, -1)) or node.version < 4:
            raise Unknown
        cells = tuple(cell for table in tables for cell in table.cells)
        if any(table.inner != inner for table in tables) or len({cell.dtype for cell in cells}) != 1:
            raise Unknown
        return Table(cells, inner)

    def _reshape(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        wanted = self.constant(node.inputs[1], 1).tolist() if len(node.inputs) > 1 else []
        allow = node.attributes.get("allowzero")
        if allow is not None and allow.value:
            raise Unknown
        if wanted == [-1] and len(table.cells) == 1:
            return Table(table.cells, FLAT)
        if wanted not in ([-1, len(table.cells)], [0, len(table.cells)], [0, -1]):
            raise Unknown
        return Table(table.cells)

    def _flatten(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        axis = node.attributes.get("axis")
        if axis is not None and axis.value != 1:
            raise Unknown
        return Table(table.cells)

    # --- what changes numbers ---------------------------------------------------------------------------------------

    def _cast(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        to = node.attributes["to"].value
        if (bag := whole_bag(table)) is not None:
            return cast_bag(bag, DType(to))
        if to not in (*FLOATS, DType.INT64):
            raise Unknown
        return replace(table, cells=tuple(_as(cell, DType(to)) for cell in table.cells))

    def _arithmetic(self, node: Node) -> Table:
        """With a row of constants; only sums and products have it on either side."""
        constants = [self.facts.graph.constants.get(each) for each in node.inputs]
        if node.version < 7 or (constants[0] is None) == (constants[1] is None):
            raise Unknown
        if constants[1] is None and node.op_type not in ("Add", "Mul"):
            raise Unknown
        table = self.table(node.inputs[0] if constants[0] is None else node.inputs[1])
        other = constants[0] if constants[1] is None else constants[1]
        assert other is not None
        numbers = self._row(other, len(table.cells), table)
        if isinstance(table.cells[0], Term):
            return weighed(table, _STAGES[node.op_type], numbers)
        return self._staged(table, _STAGES[node.op_type], [(each,) for each in numbers.tolist()], other.dtype)

    def _row(self, constant: Array, width: int, table: Table) -> Array:
        if table.inner or constant.ndim > 2 or (constant.ndim == 2 and constant.shape[0] != 1):
            raise Unknown
        if constant.size not in (1, width):
            raise Unknown
        return np.broadcast_to(constant.reshape(-1), (width,))

    def _staged(self, table: Table, kind: str, numbers: Sequence[tuple[float, ...]], dtype: np.dtype[Any]) -> Table:
        cells = []
        for cell, each in zip(table.cells, numbers, strict=True):
            if not isinstance(cell, Number) or cell.dtype not in FLOATS or cell.dtype.numpy != dtype:
                raise Unknown
            cells.append(replace(cell, stages=(*cell.stages, Stage(kind, cell.dtype, tuple(map(float, each))))))
        return replace(table, cells=tuple(cells))

    def _scaler(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        for name, kind, otherwise in (("offset", "subtract", 0), ("scale", "multiply", 1)):
            given = node.attributes.get(name)
            values = np.array([otherwise], np.float32) if given is None or not len(given.value) else given.value
            numbers = self._row(np.asarray(values, np.float32), len(table.cells), table)
            table = self._staged(table, kind, [(each,) for each in numbers.tolist()], _dtype(table))
        return table

    def _normalizer(self, node: Node) -> Table:
        norm = node.attributes.get("norm")
        return normalized(self.table(node.inputs[0]), "MAX" if norm is None else str(norm.value))

    def _lp_normalized(self, node: Node) -> Table:
        axis, p = (node.attributes.get(name) for name in ("axis", "p"))
        if axis is not None and axis.value not in (1, -1):
            raise Unknown
        return staged(
            self.table(node.inputs[0]), "l1" if p is not None and p.value == 1 else "l2", np.dtype(np.float64)
        )

    def _log(self, node: Node) -> Table:
        """Log(x + 1), as skl2onnx writes sublinear counts."""
        added = self._maker(node.inputs[0], "Add")
        ones = self.constant(added.inputs[1], None)
        table = self.table(added.inputs[0])
        if added.version < 7 or (self._row(ones, len(table.cells), table) != 1).any():
            raise Unknown
        return staged(table, "log_of_successor", ones.dtype)

    def _terms(self, node: Node) -> Table:
        """TfIdfVectorizer(Flatten(Tokenizer(text)))."""
        flat = self._maker(node.inputs[0], "Flatten")
        axis = flat.attributes.get("axis")
        tokenizer = self.facts.maker.get(flat.inputs[0])
        if tokenizer is None or (tokenizer.domain, tokenizer.op_type) != ("com.microsoft", "Tokenizer"):
            raise Unknown
        self.cone[id(tokenizer)] = tokenizer
        table = self.table(tokenizer.inputs[0])
        if (axis is not None and axis.value != 1) or len(table.cells) != 1 or table.inner not in (0, FLAT):
            raise Unknown
        (cell,) = table.cells
        if not isinstance(cell, Number) or cell.dtype is not DType.STRING:
            raise Unknown
        bag = read_bag(cell.source, cell.column, [each.kind for each in cell.stages], tokenizer, node)
        self.bags.append(bag)
        return table_of(bag)

    def _normalized_text(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        stopwords, change = node.attributes.get("stopwords"), node.attributes.get("case_change_action")
        if stopwords is not None and len(stopwords.value):
            raise Unknown(f"{node.label} leaves out texts that are stop words")
        kind = "NONE" if change is None else str(change.value)
        if kind == "NONE":
            return table
        if len(table.cells) != 1 or not isinstance(cell := table.cells[0], Number) or cell.dtype is not DType.STRING:
            raise Unknown
        return replace(table, cells=(replace(cell, stages=(*cell.stages, Stage(kind, DType.STRING))),))

    def _imputer(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        given, replaced = node.attributes.get("imputed_value_floats"), node.attributes.get("replaced_value_float")
        if given is None or not len(given.value) or "imputed_value_int64s" in node.attributes:
            raise Unknown
        fill = self._row(np.asarray(given.value, np.float32), len(table.cells), table).tolist()
        missing = 0.0 if replaced is None else float(replaced.value)
        if np.isnan(missing):
            return self._staged(table, "fill_nan", [(each,) for each in fill], _dtype(table))
        return self._staged(table, "fill_equal", [(missing, each) for each in fill], _dtype(table))

    def _where(self, node: Node) -> Table:
        """Where(IsNaN(x), row, x)."""
        test = self.facts.maker.get(node.inputs[0])
        if test is not None and test.op_type == "Equal":
            return self._sublinear(node)
        if test is None or test.op_type != "IsNaN" or test.domain or test.inputs[0] != node.inputs[2]:
            raise Unknown
        self.cone[id(test)] = test
        table = self.table(node.inputs[2])
        constant = self.constant(node.inputs[1], None)
        fill = self._row(constant, len(table.cells), table).tolist()
        return self._staged(table, "fill_nan", [(each,) for each in fill], constant.dtype)

    def _sublinear(self, node: Node) -> Table:
        """Where(Equal(x, 0), x, Add(Log(x), 1))."""
        test, name = self._maker(node.inputs[0], "Equal"), node.inputs[1]
        added = self._maker(node.inputs[2], "Add")
        log = self._maker(added.inputs[0], "Log")
        table = self.table(name)
        zero, one = (self.constant(each.inputs[1], None) for each in (test, added))
        for constant, wanted in ((zero, 0), (one, 1)):
            if (self._row(constant, len(table.cells), table) != wanted).any():
                raise Unknown
        if test.version < 7 or added.version < 7 or test.inputs[0] != name or log.inputs[0] != name:
            raise Unknown
        return staged(table, "sublinear", one.dtype)

    def _clip(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        if node.version < 11:
            raise Unknown
        for name, kind in zip(node.inputs[1:], ("at_least", "at_most"), strict=False):
            if not name:
                continue
            bound = self.constant(name, None)
            if bound.size != 1 or not np.isfinite(bound).all():
                raise Unknown
            numbers = [(float(bound.reshape(-1)[0]),)] * len(table.cells)
            table = self._staged(table, kind, numbers, bound.dtype)
        return table

    # --- categories -------------------------------------------------------------------------------------------------

    def _one_hot(self, node: Node) -> Table:
        table = self.table(node.inputs[0])
        if table.inner:
            raise Unknown
        zeros = node.attributes.get("zeros")
        strict = zeros is not None and not zeros.value
        texts, integers = node.attributes.get("cats_strings"), node.attributes.get("cats_int64s")
        cells: list[Cell] = []
        for cell in table.cells:
            if texts is not None and len(texts.value):
                encoder = _text_encoder(cell, texts.value, strict, node)
            elif integers is not None and len(integers.value):
                encoder = _integer_encoder(cell, integers.value.tolist(), strict, node)
            else:
                raise Unknown
            if strict:
                self.strict.append(encoder)
            cells.extend(Hot(encoder, at, DType.FLOAT) for at in range(len(encoder.categories)))
        return Table(tuple(cells), len(table.cells))

    def _rank(self, node: Node) -> Table:
        """ReduceSum(Mul(Cast(found), [1, ..., k])) where Equal finds which of k numbers the one column of X is."""
        keep, given = node.attributes.get("keepdims"), node.attributes.get("axes")
        axes = given.value if given is not None else self.constant(node.inputs[1] if len(node.inputs) > 1 else "", 1)
        product = self._maker(node.inputs[0], "Mul")
        if (keep is not None and not keep.value) or axes.tolist() not in ([1], [-1]):
            raise Unknown
        ranks = self.constant(product.inputs[1], None)
        cast = self._maker(product.inputs[0], "Cast")
        found = self._maker(cast.inputs[0], None)
        nan_at = None
        if found.op_type == "Or":
            both = self._maker(found.inputs[1], "And")
            missing = self._maker(both.inputs[0], "IsNaN")
            nan_at = self.constant(both.inputs[1], None)
            found = self._maker(found.inputs[0], "Equal")
            if missing.inputs[0] != found.inputs[0]:
                raise Unknown
        if found.op_type != "Equal" or found.version < 7 or cast.attributes["to"].value != DType.INT64:
            raise Unknown
        categories = self.constant(found.inputs[1], 2)
        cells = self.matrix(found.inputs[0])
        if len(cells) != 1 or categories.shape[0] != 1 or ranks.dtype != np.int64:
            raise Unknown
        if not np.array_equal(ranks, np.arange(1, categories.size + 1).reshape(1, -1)):
            raise Unknown
        values = categories.reshape(-1)
        missing_here = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
        if missing_here.any() and (nan_at is None or not np.array_equal(nan_at.reshape(-1), missing_here)):
            raise Unknown
        if nan_at is not None and not np.array_equal(nan_at.reshape(-1), missing_here):
            raise Unknown
        (cell,) = cells
        if not isinstance(cell, Number) or cell.stages or cell.dtype is not DType.DOUBLE or values.dtype != np.float64:
            raise Unknown
        if missing_here.sum() > 1 or len(set(values[~missing_here].tolist())) != (~missing_here).sum():
            raise Unknown
        encoder = Encoder(cell.source, cell.column, "number", tuple(values.tolist()), False, node.label)
        return Table((Rank(encoder),))

    def _maker(self, name: str, op_type: str | None) -> Node:
        node = self.facts.maker.get(name)
        if node is None or node.domain or (op_type is not None and node.op_type != op_type):
            raise Unknown
        self.cone[id(node)] = node
        return node

    def constant(self, name: str, rank: int | None) -> Array:
        constant = self.facts.graph.constants.get(name)
        if constant is None or (rank is not None and constant.ndim != rank):
            raise Unknown
        return constant


def _dtype(table: Table) -> np.dtype[Any]:
    return table.cells[0].dtype.numpy


def _as(cell: Cell, to: DType) -> Cell:
    """A cell after a Cast."""
    if isinstance(cell, Hot):
        return replace(cell, dtype=to)
    if isinstance(cell, Rank):
        if to is not DType.INT64:
            raise Unknown
        return cell
    if isinstance(cell, Term):
        return cast_term(cell, to)
    if to is cell.dtype:
        return cell
    if cell.dtype is DType.STRING:
        raise Unknown
    if to is DType.INT64:  # for an encoder, which compares what was cast
        if cell.stages or cell.came is not cell.dtype:
            raise Unknown
        return replace(cell, dtype=to)
    if cell.dtype is DType.DOUBLE:
        return replace(cell, dtype=to, stages=(*cell.stages, Stage("round", to)))
    if cell.dtype is not cell.came and cell.dtype is DType.INT64:
        raise Unknown  # cut to an integer and back
    if to is DType.FLOAT:
        return replace(cell, dtype=to, stages=(*cell.stages, Stage("round", to)))
    return replace(cell, dtype=to)


def _text_encoder(cell: Cell, categories: Sequence[str], strict: bool, node: Node) -> Encoder:
    if not isinstance(cell, Number) or cell.dtype is not DType.STRING or cell.stages:
        raise Unknown
    return Encoder(cell.source, cell.column, "text", tuple(categories), strict, node.label)


def _integer_encoder(cell: Cell, categories: list[int], strict: bool, node: Node) -> Encoder:
    if isinstance(cell, Rank):
        found = cell.encoder.categories
        if sorted(categories) != list(range(1, len(found) + 1)):
            raise Unknown
        return replace(
            cell.encoder, categories=tuple(found[at - 1] for at in categories), strict=strict, name=node.label
        )
    if not isinstance(cell, Number) or cell.stages or cell.dtype is DType.STRING:
        raise Unknown
    if cell.dtype in (DType.INT32, DType.INT64, DType.BOOL):
        kind = "integer"
    elif cell.dtype is cell.came:
        kind = "whole"
    else:
        raise Unknown
    return Encoder(cell.source, cell.column, kind, tuple(categories), strict, node.label)


_FOLLOW: dict[tuple[str, str], Callable[[Cells, Node], Table]] = {
    ("", "Identity"): Cells._identity,
    ("", "Gather"): Cells._gather,
    ("", "Concat"): Cells._concat,
    ("", "Reshape"): Cells._reshape,
    ("", "Flatten"): Cells._flatten,
    ("", "Cast"): Cells._cast,
    ("", "Where"): Cells._where,
    ("", "Clip"): Cells._clip,
    ("", "ReduceSum"): Cells._rank,
    ("", "Log"): Cells._log,
    ("", "LpNormalization"): Cells._lp_normalized,
    ("", "StringNormalizer"): Cells._normalized_text,
    ("", "TfIdfVectorizer"): Cells._terms,
    **{("", op): Cells._arithmetic for op in _STAGES},
    (ML, "ArrayFeatureExtractor"): Cells._extract,
    (ML, "Scaler"): Cells._scaler,
    (ML, "Imputer"): Cells._imputer,
    (ML, "Normalizer"): Cells._normalizer,
    (ML, "OneHotEncoder"): Cells._one_hot,
}
