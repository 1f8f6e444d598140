"""If, Loop, Scan and SequenceMap: graphs inside nodes, against the reference and against what was asked for."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail, InvalidGraph
from sklort.graph.ir import Graph, ValueInfo
from sklort.graph.text import parse
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from sklort.providers.part import Runner
from sklort.providers.reference import ReferenceProvider, evaluate

X = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def compiled(provider: Any, inputs: str, outputs: str, body: str, constants: str = "", **options: Any) -> Runner:
    """The graph, run by one provider alone."""
    initializers = f"<{constants}>" if constants else ""
    text = f'<ir_version: 10, opset_import: ["": 18, "ai.onnx.ml": 3]> g ({inputs}) => ({outputs}) {initializers} {{ {body} }}'
    providers = [provider]
    return compile_plan(make_plan(parse(text).graph, providers, evaluate=evaluate, **options), providers)


def native(*graph: str, **options: Any) -> Runner:
    return compiled(CpuProvider(), *graph, **options)


def agree(graph: tuple[str, ...], *feeds: list[Any], judge: bool = True) -> list[Any]:
    """The native outputs for the last feed, which are the reference's and, without passes, the same."""
    program, plain = native(*graph), native(*graph, passes=())
    reference = compiled(ReferenceProvider(), *graph) if judge else plain
    found: list[Any] = []
    for feed in feeds:
        found = program.run(feed)
        for other in (plain.run(feed), reference.run(feed)):
            for mine, theirs in zip(found, other, strict=True):
                same(mine, theirs)
    return found


def same(mine: Any, theirs: Any) -> None:
    if isinstance(theirs, list):
        assert len(mine) == len(theirs)
        for one, other in zip(mine, theirs, strict=True):
            same(one, other)
    else:
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


# --- If ---------------------------------------------------------------------------------------------------------------


def test_if_with_captured_values_and_constants():
    body = """a = Abs(X) Y, Z = If(b) <then_branch = t () => (float[N, M] r, float[N, M] s) { r = Neg(a) s = Add(X, c) },
        else_branch = e () => (float[N, M] q, float[K] c) { q = Mul(a, c) }>"""
    graph = ("float[N, M] X, bool b", "float Y, float Z", body, "float[2] c = {10, 20}")
    yes = agree(graph, [X, np.array(False)], [X, np.array(True)])
    np.testing.assert_array_equal(yes[0], -X)
    no = agree(graph, [X, np.array(False)])
    np.testing.assert_array_equal(no[1], [10, 20])  # a branch may give what it captures


def test_branches_may_give_one_value_twice_and_results_are_fresh():
    body = """Y, Z = If(b) <then_branch = t () => (float[N, M] r, float[N, M] r) { r = Neg(X) },
        else_branch = e () => (float[N, M] X, float[N, M] X) { q = Abs(X) }>"""
    program = native("float[N, M] X, bool b", "float Y, float Z", body)
    for condition in (True, False):
        given = X.copy()
        y, z = program.run([given, np.array(condition)])
        assert not np.shares_memory(y, z)
        assert not np.shares_memory(y, given)
        y[:] = 0
        np.testing.assert_array_equal(z, -X if condition else X)
        np.testing.assert_array_equal(given, X)


def test_the_condition_must_be_one_bool():
    program = native(
        "float[N] X, bool[N] b",
        "float Y",
        "Y = If(b) <then_branch = t () => (float[N] r) { r = Neg(X) }, else_branch = e () => (float[N] q) { q = Abs(X) }>",
    )
    np.testing.assert_array_equal(program.run([X[0], np.array([False])])[0], X[0])
    with pytest.raises(Fail, match=r"If -> Y: the condition must be one bool, got bool\(2\)"):
        program.run([X[0], np.array([False, True])])


# --- Loop -------------------------------------------------------------------------------------------------------------

COUNTING = """Y, S = Loop(n, c, X) <body = b (int64 i, bool d, float[M] a) => (bool e, float[M] f, float[M] g) {
    f = Add(a, k) g = Mul(a, a) s = ReduceSum<keepdims = 0>(f) e = Less(s, limit) }>"""


@pytest.mark.parametrize("trips", [0, 1, 5, 70, 300, -3])
@pytest.mark.parametrize("start", [True, False])
def test_loop_with_trip_count_and_condition(trips, start):
    graph = ("float[M] X, int64 n, bool c", "float Y, float S", COUNTING, "float[2] k = {1, 2}, float limit = {300}")
    y, scan = agree(graph, [X[0], np.array(1), np.array(True)], [X[0], np.array(trips), np.array(start)])
    turns = min(max(trips, 0), 99) if start else 0
    assert scan.shape == (turns, 2 if turns else 0)
    np.testing.assert_array_equal(y, X[0] + turns * np.float32([1, 2]))


@pytest.mark.parametrize(("trip", "condition"), [("n", '""'), ('""', "c"), ('""', '""')])
def test_loop_with_optional_trip_count_and_condition(trip, condition):
    body = COUNTING.replace("Loop(n, c, X)", f"Loop({trip}, {condition}, X)")
    graph = ("float[M] X, int64 n, bool c", "float Y, float S", body, "float[2] k = {1, 2}, float limit = {300}")
    feed = [X[0], np.array(7), np.array(True)]
    assert len(agree(graph, feed)[1]) == (7 if trip == "n" else 99)


def test_loop_values_that_change_places():
    body = """P, Q, I = Loop(n, "", A, B) <body = b (int64 i, bool c, float[M] a, float[M] b) => (bool c, float[M] b, float[M] a, int64 i) { }>"""
    graph = ("float[M] A, float[M] B, int64 n", "float P, float Q, int64 I", body)
    p, q, turns = agree(graph, [X[0], X[1], np.array(4)], [X[0], X[1], np.array(3)])
    np.testing.assert_array_equal(p, X[1])
    np.testing.assert_array_equal(q, X[0])
    np.testing.assert_array_equal(turns, [0, 1, 2])


def test_loop_that_carries_the_iteration_out():
    body = """L = Loop(n, "", z) <body = b (int64 i, bool c, int64 last) => (bool d, int64 j) { d = Identity(c) j = Identity(i) }>"""
    (last,) = agree(("int64 n", "int64 L", body, "int64 z = {-1}"), [np.array(0)], [np.array(5)])
    assert last == 4


def test_loop_over_a_growing_tensor_and_a_sequence():
    body = """s = SequenceEmpty() Y, S = Loop(n, "", X, s) <body = b (int64 i, bool c, float[K] a, seq(float[K]) t) => (bool d, float[K] e, seq(float[K]) u) {
        d = Identity(c) e = Concat<axis = 0>(a, X) u = SequenceInsert(t, a) }>  C = ConcatFromSequence<axis = 0>(S) """
    graph = ("float[M] X, int64 n", "float Y, seq(float[K]) S, float C", body)
    y, items, joined = agree(graph, [X[0], np.array(2)], [X[0], np.array(5)], judge=False)
    np.testing.assert_array_equal(y, np.tile(X[0], 6))
    assert [len(item) for item in items] == [2, 4, 6, 8, 10]
    assert len(joined) == 30


def test_loops_in_loops():
    body = """Y = Loop(n, "", X) <body = outer (int64 i, bool c, float[M] a) => (bool d, float[M] r) { d = Identity(c) w = Abs(a) m = Add(i, one)
        r = Loop(m, "", w) <body = inner (int64 j, bool p, float[M] q) => (bool o, float[M] u) { o = Identity(p)
            y = If(o) <then_branch = t () => (float[M] v) { v = Add(q, X) }, else_branch = e () => (float[M] v2) { v2 = Identity(w) }>
            u = Add(y, k) }> }>"""
    graph = ("float[M] X, int64 n", "float Y", body, "float[2] k = {0.5, 0.25}, int64 one = {1}")
    agree(graph, [X[0], np.array(3)], [X[1], np.array(5)])


def test_loop_of_strings():
    body = """Y, S = Loop(n, "", T) <body = b (int64 i, bool c, string[N] a) => (bool d, string[N] e, string[N] f) {
        d = Identity(c) e = Concat<axis = 0>(a, T) f = Cast<to = 8>(j) j = Unsqueeze(i, z) }>"""
    graph = ("string[N] T, int64 n", "string Y, string S", body, "int64[1] z = {0}")
    y, numbers = native(*graph).run([np.array(["a", "ß"], object), np.array(3)])
    assert y.tolist() == ["a", "ß"] * 4
    assert numbers.ravel().tolist() == ["0", "1", "2"]


def test_no_iteration_gives_the_type_that_one_would_have_given():
    body = """Y = Loop(n, "") <body = b (int64 i, bool c) => (bool d, {} e) {{ d = Identity(c) e = {} }}>"""
    shape = native("int64 n, float[N, 3] X", "float Y", body.format("float[K, 3]", "Abs(X)")).run([np.array(0), X.T])[0]
    assert (shape.dtype, shape.shape) == (np.float32, (0, 0, 3))
    agree(("int64 n, float[N, 3] X", "float Y", body.format("float[K, 3]", "Abs(X)")), [np.array(2), X.T])
    known = native("int64 n", "int64 Y", body.format("int64", "Shape(c)")).run([np.array(0)])[0]
    assert known.dtype == np.int64

    def untyped(inner: Graph) -> Graph:
        return replace(inner, outputs=tuple(ValueInfo(value.name, None) for value in inner.outputs))

    text = body.format("float", "Abs(X)")
    graph = parse(f'<ir_version: 10, opset_import: ["": 18]> g (int64 n, float[N] X) => (float Y) {{ {text} }}').graph
    graph = replace(graph, nodes=tuple(node.with_subgraphs(untyped) for node in graph.nodes))
    program = compile_plan(make_plan(graph, [CpuProvider()]), [CpuProvider()])
    assert program.run([np.array(1), X[0]])[0].shape == (1, 2)
    with pytest.raises(Fail, match="no iteration ran, and the body does not say of what type its output 'e' is"):
        program.run([np.array(0), X[0]])


def test_scan_outputs_must_keep_their_shape():
    body = """Y, S = Loop(n, "", X) <body = b (int64 i, bool c, float[M] a) => (bool d, float[M] e, float[M] a) { d = Identity(c) e = Concat<axis = 0>(a, a) }>"""
    with pytest.raises(
        Fail, match=r"Loop -> Y, S: a scan output was float\(2\) before and is float\(4\) in iteration 1"
    ):
        native("float[M] X, int64 n", "float Y, float S", body).run([X[0], np.array(3)])


def test_a_long_loop_does_not_grow():
    body = """Y, L = Loop(n, "", X, z) <body = b (int64 i, bool c, float[M] a, int64 k) => (bool d, float[M] e, int64 j) {
        d = Identity(c) f = Mul(a, half) e = Add(f, X) j = Add(i, one) }>"""
    constants = "float half = {0.5}, int64 one = {1}, int64 z = {0}"
    program = native("float[M] X, int64 n", "float Y, int64 L", body, constants)
    x = np.ones(4096, np.float32)
    program.run([x, np.array(10)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    y, last = program.run([x, np.array(100_000)])
    assert last == 100_000
    np.testing.assert_array_equal(y, 2)
    # One buffer a turn would be 16 KiB each, 1.6 GB in all.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096


# --- Scan -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [(0, 0), (1, 0), (0, 1), (1, 1), (-1, -1)])
@pytest.mark.parametrize("directions", [(0, 0, 0), (1, 0, 1), (0, 1, 1)])
def test_scan_axes_and_directions(axes, directions):
    body = f"""S, P, Q = Scan(z, A, B) <num_scan_inputs = 2, scan_input_axes = [{axes[0]}, 0], scan_output_axes = [{axes[1]}, 0],
        scan_input_directions = [{directions[0]}, {directions[1]}], scan_output_directions = [{directions[2]}, 0],
        body = b (float[K] s, float[K] a, float c) => (float[K] t, float[K] d, float f) {{
            t = Add(s, a) d = Mul(t, c) f = Identity(c) }}>"""
    A = np.arange(12, dtype=np.float32).reshape((3, 4) if axes[0] == 0 else (4, 3))
    B = np.array([1, 10, 100], np.float32)
    s, p, q = native("float[N, M] A, float[L] B", "float S, float P, float Q", body, "float z = {0}").run([A, B])
    rows = np.moveaxis(A, axes[0], 0)[:: -1 if directions[0] else 1]
    factors = B[:: -1 if directions[1] else 1]
    sums = np.cumsum(rows, axis=0)
    stacked = (sums * factors[:, None])[:: -1 if directions[2] else 1]
    np.testing.assert_array_equal(s, sums[-1])
    np.testing.assert_array_equal(p, np.moveaxis(stacked, 0, axes[1]))
    np.testing.assert_array_equal(q, factors)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_scan_states_and_slices_outlive_it(rows):
    """The last slice leaves as the state, also where the slices are of a copy with its axis moved."""
    body = """S, P = Scan(z, X) <num_scan_inputs = 1, scan_input_axes = [1], body = b (float[K] s, float[K] x) => (float[K] x, float[K] s) { }>
        T = Abs(X) U = Neg(T) V = Exp(U)"""
    graph = ("float[M, N] X", "float S, float P, float V", body, "float[2] z = {7, 8}")
    s, p, _ = native(*graph).run([np.ascontiguousarray(X[:rows].T)])
    np.testing.assert_array_equal(s, X[rows - 1] if rows else [7, 8])
    assert p.shape == ((rows, 2) if rows else (0, 0))


def test_scan_of_strings():
    body = """P = Scan(T) <num_scan_inputs = 1, body = b (string[K] x) => (string[K] y) { y = Identity(x) }>"""
    T = np.array([["a", "b"], ["c", "d"]], object)
    program = native("string[N, K] T", "string P", body)
    assert program.run([T])[0].tolist() == T.tolist()
    assert program.run([T[:0]])[0].size == 0


def test_scan_inputs_must_be_of_one_length():
    body = """P = Scan(A, B) <num_scan_inputs = 2, body = b (float a, float c) => (float d) { d = Add(a, c) }>"""
    with pytest.raises(Fail, match="Scan -> P: scan input 1 has 2 slices, the first has 3"):
        native("float[N] A, float[M] B", "float P", body).run([X[:, 0], X[0]])


def test_scan_attributes_are_checked():
    body = """P = Scan(A) <num_scan_inputs = 2, body = b (float a) => (float d) { d = Abs(a) }>"""
    with pytest.raises(InvalidGraph, match="'num_scan_inputs' must be between 1 and 1, got 2"):
        native("float[N] A", "float P", body)
    body = """P = Scan(A) <num_scan_inputs = 1, scan_output_directions = [2], body = b (float a) => (float d) { d = Abs(a) }>"""
    with pytest.raises(InvalidGraph, match="a direction must be 0 or 1, got 2"):
        native("float[N] A", "float P", body)
    body = """P = Scan(A) <num_scan_inputs = 1, body = b (float a, float c) => (float d) { d = Abs(a) }>"""
    with pytest.raises(InvalidGraph, match="the graph 'body' must have 1 inputs, it has 2"):
        native("float[N] A", "float P", body)


# --- all of them ------------------------------------------------------------------------------------------------------


def test_errors_name_the_inner_and_the_outer_node():
    body = """P = Scan(A) <num_scan_inputs = 1, body = b (float[K] a) => (float[K] d) { d = MatMul(a, w) }>"""
    with pytest.raises(Fail, match=r"Scan -> P: MatMul -> d: "):
        native("float[N, K] A", "float P", body, "float[3, 2] w = {1, 2, 3, 4, 5, 6}").run([X])


def test_a_body_that_cannot_run_natively_is_refused_with_the_inner_node():
    body = """Y = If(b) <then_branch = t () => (float r) { r = Det(X) }, else_branch = e () => (float q) { q = ReduceSum<keepdims = 0>(X) }>"""
    text = f'<ir_version: 10, opset_import: ["": 18]> g (float[N, N] X, bool b) => (float Y) {{ {body} }}'
    providers = [CpuProvider(), ReferenceProvider()]
    (assignment,) = make_plan(parse(text).graph, providers).assignments
    assert assignment.provider == "ReferenceExecutionProvider"
    assert assignment.refusals == (
        ("CPUExecutionProvider", "its then_branch holds Det -> r: there is no native kernel for Det"),
    )


def test_rare_types_inside_a_body_are_found():
    body = """Y = If(b) <then_branch = t () => (float[N] r) { a = Cast<to = 17>(X) r = Cast<to = 1>(a) }, else_branch = e () => (float[N] q) { q = Abs(X) }>"""
    text = f'<ir_version: 10, opset_import: ["": 21]> g (float[N] X, bool b) => (float Y) {{ {body} }}'
    providers = [CpuProvider(), ReferenceProvider()]
    (assignment,) = make_plan(parse(text).graph, providers).assignments
    assert assignment.refusals == (("CPUExecutionProvider", "it has no float8e4m3fn values"),)


def test_what_a_body_declares_for_its_inputs_is_no_promise():
    """The body says float and is fed double: no cast may be dropped for that, and nothing is rounded."""
    body = """P = Scan(A) <num_scan_inputs = 1, body = b (float[K] a) => (float[K] d) { c = Cast<to = 1>(a) e = Cast<to = 11>(c) d = Sub(a, e) }>"""
    A = np.array([[1 / 3, 0.5]])
    np.testing.assert_array_equal(native("double[N, K] A", "double P", body).run([A])[0], A - A.astype(np.float32))


def test_threads_share_a_program():
    graph = ("float[M] X, int64 n, bool c", "float Y, float S", COUNTING, "float[2] k = {1, 2}, float limit = {1e6}")
    program = native(*graph)

    def turn(i: int) -> bool:
        x = np.float32([i, i])
        y, scan = program.run([x, np.array(i % 50), np.array(True)])
        return np.array_equal(y, x + i % 50 * np.float32([1, 2])) and len(scan) == i % 50

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(turn, range(400)))


def test_a_failed_run_leaves_the_program_usable():
    body = """Y = Loop(n, "", X) <body = b (int64 i, bool c, float[M] a) => (bool d, float[M] e) { d = Identity(c) e = Gather(a, i) }>"""
    program = native("float[M, M] X, int64 n", "float Y", body)
    for _ in range(3):
        with pytest.raises(Fail, match="Loop -> Y: Gather -> e"):
            program.run([X[:2], np.array(3)])
        np.testing.assert_array_equal(program.run([X[:2], np.array(1)])[0], X[0])


def test_sequence_map_over_sequences_of_different_lengths():
    body = """s = SequenceConstruct(X, X) t = SequenceConstruct(X) R = SequenceMap(s, t) <body = b (float[N, M] a, float[N, M] c) => (float[N, M] d) { d = Add(a, c) }>"""
    with pytest.raises(Fail, match="SequenceMap -> R: sequence 1 has 1 items, the first has 2"):
        native("float[N, M] X", "seq(float[N, M]) R", body).run([X])


def test_explain_tells_the_size_of_the_body():
    graph = ("float[M] X, int64 n, bool c", "float Y, float S", COUNTING, "float[2] k = {1, 2}, float limit = {300}")
    assert native(*graph).explain() == ["Loop -> Y, S: body of 4 steps"]
