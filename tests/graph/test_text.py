from __future__ import annotations

from sklort.graph.text import parse, show

TEXT = """<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 3]> g (float[N, 2] X, bool b, float[] s) => (float[N, ?] Y, int64 Z)
<float[2] c = {1, 2}, int64[8] long = {0, 1, 2, 3, 4, 5, 6, 7}> {
    a = ai.onnx.ml.Scaler<offset = [0.5], scale = [2.0]>(X)
    d = Clip(a, "", s)
    v, Z = TopK<axis = 0, largest = 0>(d, long)
    Y = If(b) <then_branch = t () => (float r) { r = Add(v, c) }, else_branch = e () => (float q) { q = Neg(a) }>
}"""

SHOWN = """g(X: float[N, 2], b: bool[], s: float) -> Y: float[N, ?], Z: int64[]
  c = float[2] [1.0, 2.0]
  long = int64[8] [0, 1, 2, 3, 4, 5, ... 8 in all]
  a = ai.onnx.ml:Scaler<offset=[0.5], scale=[2.0]>(X)
  d = Clip(a, _, s)
  v, Z = TopK<axis=0, largest=0>(d, long)
  Y = If(b)
    e() -> q: float[]
      q = Neg(a)
    t() -> r: float[]
      r = Add(v, c)"""


def test_show():
    lines = show(parse(TEXT).graph).splitlines()
    expected = SHOWN.splitlines()
    assert lines[:7] == expected[:7]
    assert sorted(lines[7:]) == sorted(expected[7:])  # the parser gives no order to attributes
