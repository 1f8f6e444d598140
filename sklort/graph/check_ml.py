"""Parameters of the other ``ai.onnx.ml`` operators that contradict each other.

Only what the attributes alone decide; a parameter that does not fit the data is the kernel's to refuse.
"""

from __future__ import annotations

from sklort.graph.check_trees import POST_TRANSFORMS, Fields
from sklort.graph.ir import Node


def check_scaler(node: Node) -> None:
    """Scaler: offset and scale of one length, either may be a single number."""
    fields = Fields(node)
    offset, scale = fields.length("offset"), fields.length("scale")
    if offset != scale and min(offset, scale) > 1:
        fields.fail(f"offset has {offset} numbers and scale {scale}; expected as many, or a single one")


def check_linear_classifier(node: Node) -> None:
    """LinearClassifier: labels, and a row of coefficients for each score (one row may serve two classes)."""
    fields = Fields(node)
    fields.one_of("post_transform", "NONE", POST_TRANSFORMS)
    labels = fields.labels()
    coefficients, intercepts = fields.length("coefficients"), fields.length("intercepts")
    if intercepts and intercepts != labels and not (intercepts == 1 and labels == 2):
        fields.fail(f"it has {intercepts} intercepts for {labels} labels")
    rows = intercepts or labels
    if not coefficients or coefficients % rows:
        fields.fail(f"{coefficients} coefficients cannot be divided among {rows} scores")


def check_linear_regressor(node: Node) -> None:
    """LinearRegressor: a row of coefficients for each target."""
    fields = Fields(node)
    fields.one_of("post_transform", "NONE", POST_TRANSFORMS)
    targets = fields.value("targets", 1)
    if targets < 1:
        fields.fail(f"targets is {targets}; expected at least 1")
    coefficients, intercepts = fields.length("coefficients"), fields.length("intercepts")
    if not coefficients or coefficients % targets:
        fields.fail(f"{coefficients} coefficients cannot be divided among {targets} targets")
    if intercepts not in (0, targets):
        fields.fail(f"it has {intercepts} intercepts for {targets} targets")


def check_label_encoder(node: Node) -> None:
    """LabelEncoder: version 1 has classes_strings, later ones one list of keys and one of values, as long."""
    fields = Fields(node)
    if node.version < 2:
        return
    found = {}
    for side in ("keys", "values"):
        names = [name for name in node.attributes if name.startswith(f"{side}_")]
        given = [name for name in names if fields.length(name)] or names
        if len(given) != 1:
            fields.fail(f"expected one list of {side}, got {', '.join(sorted(given)) or 'none'}")
        found[given[0]] = fields.length(given[0])
    (keys, n_keys), (values, n_values) = found.items()
    if n_keys != n_values:
        fields.fail(f"{keys} has {n_keys} entries and {values} {n_values}; expected as many")


def check_category_mapper(node: Node) -> None:
    """CategoryMapper: cats_strings and cats_int64s of one length."""
    Fields(node).same_length(("cats_strings", "cats_int64s"))


def check_imputer(node: Node) -> None:
    """Imputer: replacement values of one kind."""
    _one_list(node, "imputed_value_floats", "imputed_value_int64s")


def check_one_hot(node: Node) -> None:
    """OneHotEncoder: categories of one kind."""
    _one_list(node, "cats_int64s", "cats_strings")


def check_zip_map(node: Node) -> None:
    """ZipMap: labels of one kind."""
    Fields(node).labels()


def check_normalizer(node: Node) -> None:
    """Normalizer: a norm the specification names."""
    Fields(node).one_of("norm", "MAX", ("MAX", "L1", "L2"))


def _one_list(node: Node, *names: str) -> None:
    fields = Fields(node)
    given = [name for name in names if fields.length(name)]
    if len(given) != 1:
        fields.fail(f"expected one of {' and '.join(names)}, got {'both' if given else 'neither'}")


ML_CHECKS = {
    ("ai.onnx.ml", "Scaler"): check_scaler,
    ("ai.onnx.ml", "LinearClassifier"): check_linear_classifier,
    ("ai.onnx.ml", "LinearRegressor"): check_linear_regressor,
    ("ai.onnx.ml", "LabelEncoder"): check_label_encoder,
    ("ai.onnx.ml", "CategoryMapper"): check_category_mapper,
    ("ai.onnx.ml", "Imputer"): check_imputer,
    ("ai.onnx.ml", "OneHotEncoder"): check_one_hot,
    ("ai.onnx.ml", "ZipMap"): check_zip_map,
    ("ai.onnx.ml", "Normalizer"): check_normalizer,
}
