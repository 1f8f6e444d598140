"""Write sklort/datasets/*.onnx anew, from ONNX text: python -m tests.datasets.write_examples"""

from __future__ import annotations

from pathlib import Path

import onnx

FOLDER = Path(__file__).resolve().parents[2] / "sklort/datasets"

EXAMPLES = {
    "mul_1.onnx": """
<ir_version: 8, opset_import: ["": 13], producer_name: "sklort", doc_string: "six products">
mul_1 (float[3,2] X) => (float[3,2] Y)
<float[3,2] W = {1, 2, 3, 4, 5, 6}>
{ Y = Mul(X, W) }""",
    "sigmoid.onnx": """
<ir_version: 8, opset_import: ["": 13], producer_name: "sklort", doc_string: "the logistic function">
sigmoid (float[3,4,5] x) => (float[3,4,5] y)
{ y = Sigmoid(x) }""",
    "logreg_iris.onnx": """
<ir_version: 8, opset_import: ["": 13, "ai.onnx.ml": 1], producer_name: "sklort",
 doc_string: "three irises from the length and width of their sepals", model_version: 1,
 metadata_props: ["kind": "logistic regression"]>
logreg_iris (float[3,2] float_input) => (int64[3] label, seq(map(int64, float[])) probabilities)
{
  label, scores = ai.onnx.ml.LinearClassifier <classlabels_ints = [0, 1, 2], post_transform = "SOFTMAX", multi_class = 1,
    coefficients = [-2.71, 2.32, 0.61, -1.57, 2.1, -0.75], intercepts = [7.91, 1.85, -9.76]>(float_input)
  probabilities = ai.onnx.ml.ZipMap <classlabels_int64s = [0, 1, 2]>(scores)
}""",
}


def make(name: str) -> onnx.ModelProto:
    """The model of this name."""
    proto = onnx.parser.parse_model(EXAMPLES[name])
    onnx.checker.check_model(proto)
    return proto


def main() -> None:
    for name in EXAMPLES:
        (FOLDER / name).write_bytes(make(name).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
