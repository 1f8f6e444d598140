"""What skl2onnx cannot convert, what it converts wrongly, and what sklort does not do: each with its reason.

A pattern is matched with a variant's whole name, as file names are. The tests keep every line true: one that explains
nothing fails, and so does a fault whose graph begins to give scikit-learn's answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

# Variants -> a part of the message, and why.
NOT_CONVERTED: dict[str, tuple[str, str]] = {
    "AdaBoostClassifier | default | two flags | *": ("numpy.bool", "bool labels are taken for strings"),
    "BayesianGaussianMixture | * | int64": ("Conflicted constraint", "integer rows meet float constants"),
    "Binarizer | * | int64": ("should have the same type", "integer rows are refused"),
    "CalibratedClassifierCV | temperature | *": ("out_of_bounds", "method='temperature' is not known"),
    "FunctionTransformer | a function | *": ("= identity", "only the identity is known"),
    "GaussianMixture | * | int64": ("Conflicted constraint", "integer rows meet float constants"),
    "GaussianProcessClassifier | * | int64": ("Conflicted constraint", "integer rows meet float constants"),
    "GaussianProcessClassifier | default | three* | *": ("Only binary", "two classes only"),
    "GaussianProcessClassifier | default | two words | *": ("invalid literal", "labels must be numbers"),
    "GaussianProcessClassifier | Matern(2.5) | *": ("'int' object", "Matern is known for nu 0.5 and 1.5 only"),
    "GaussianProcessClassifier | PairwiseKernel | *": ("diag method", "the kernel is known to the regressor only"),
    "GaussianProcessRegressor | * | int64": ("InvalidInputType", "integer rows are refused"),
    "GaussianProcessRegressor | Matern(2.5) | *": ("'int' object", "Matern is known for nu 0.5 and 1.5 only"),
    "GaussianProcessRegressor | return_cov | *": ("NotImplementedError", "the option exists and is not implemented"),
    "GaussianRandomProjection | * | int64": ("Conflicted constraint", "integer rows meet float constants"),
    "HistGradientBoosting*": ("Unable to create node", "writes numpy.bool where onnx wants an int"),
    "IsolationForest | * | float64": ("Conflicted constraint", "doubles meet float constants"),
    "IsolationForest | * | int64": ("Unexpected dtype", "integer rows are refused"),
    "KBinsDiscretizer | default | *": ("onehot encoding", "sparse results, the default, are refused"),
    "KNNImputer | * | float64": ("InvalidInputType", "float32 rows only"),
    "KNNImputer | weights distance | float32": ("distance as metric", "weights='distance' is not known"),
    "KNeighbors* | metric canberra | *": ("not implemented", "metric='canberra' is not known"),
    "KNeighbors* | metric chebyshev | *": ("not implemented", "metric='chebyshev' is not known without optim='cdist'"),
    "KernelCenterer | * | int64": ("InvalidInputType", "integer rows are refused"),
    "KernelPCA | * | int64": ("InvalidInputType", "integer rows are refused"),
    "LinearRegression | without intercept | * | float64": ("reshape", "takes the intercept 0.0 for an array"),
    "LinearSVC | default | * | float64": ("not supported with double", "float32 rows only, without raw_scores"),
    "LinearSVC | without intercept | * | float64": (
        "not supported with double",
        "float32 rows only, without raw_scores",
    ),
    "NearestNeighbors | default | *": ("radius and n_neighbors", "radius must be None, which is not the default"),
    "Normalizer | max | float64": ("norm 'MAX'", "norm='max' is known for float32 only"),
    "OneHotEncoder | infrequent | *": ("Infrequent categories", "infrequent categories are refused"),
    "OneHotEncoder | max_categories | *": ("Infrequent categories", "infrequent categories are refused"),
    "OneVsRestClassifier | of LinearSVC | * | float64": ("not supported with double", "float32 rows only"),
    "Pipeline | ending in LinearSVC | *": ("Option 'zipmap'", "hands an option to LinearSVC that it does not have"),
    "Pipeline | impute near, lines | * | float64": ("InvalidInputType", "KNNImputer: float32 rows only"),
    "Pipeline | passthrough | *": ("'str' object", "steps that are words are not known"),
    "PowerTransformer | * | float64": ("Conflicted constraint", "doubles meet float constants"),
    "PowerTransformer | * | int64": ("Conflicted constraint", "integer rows meet float constants"),
    "QuantileTransformer | * | int64": ("Conflicted constraint", "integer rows meet float constants"),
    "QuantileTransformer | normal | *": ("not supported", "output_distribution='normal' is not known"),
    "RandomTreesEmbedding | default | *": ("sparse outputs", "sparse results, the default, are refused"),
    "ReplaceTransformer | * | int64": ("NaN to integer", "would put NaN among integers"),
    "RidgeClassifier* | float64": ("not supported with double", "float32 rows only"),
    "TargetEncoder | * | float64": ("InvalidInputType", "rows of doubles are refused"),
    "TargetEncoder | three classes | *": ("binary classif", "two classes or a number only"),
    "VotingClassifier | default | *": ("flatten_transform==True", "flatten_transform=True, the default, is refused"),
    "VotingClassifier | weights in a list | *": ("'list' object", "weights must be an array"),
}

# Variants -> what the graph does, and how far it leads. onnxruntime, onnx.reference and sklort agree on the wrong answer.
FAULTS: dict[str, str] = {
    "BaggingClassifier | of machines | *": "gives a label for each of the 4 estimators, where 25 rows were asked",
    "BayesianRidge | return_std | *": "sums X Σ where the variance is the sum of X Σ X: 5e-2",
    "CalibratedClassifierCV | isotonic | *": "takes the nearest knot of the isotonic curve: 5e-2, labels",
    "CalibratedClassifierCV | of a pipeline | *": "calibrates probabilities where scikit-learn calibrates scores: half of the labels",
    "*Vectorizer | characters | *": "does not make one blank of several: counts off by one and more",
    "GaussianProcessRegressor | Matern(1.5) optim cdist | *": "takes the square of the distance for the distance: 0.7",
    "GradientBoostingClassifier | init zero | three | *": "one base value for three classes: every runtime refuses it",
    "KNeighbors* | weights distance | *": "counts all neighbours alike: 0.2, labels",
    "LinearDiscriminantAnalysis | default | two*": "two classes get the probabilities of twice the score: 0.12",
    "LinearDiscriminantAnalysis | shrunk | two*": "two classes get the probabilities of twice the score: 0.12",
    "LocalOutlierFactor | default | int64": "takes roots of integers, which the operator does not do",
    "MLPClassifier | default | marks | *": "gives two columns for each mark where scikit-learn has one",
    "OneVsOneClassifier | * | * far | *": "answers with the number of the class instead of its label",
    "OneVsOneClassifier | * | * words | *": "answers with the number of the class instead of its label",
    "OneVsRestClassifier | of LinearSVC | *": "puts scores through a division that makes their sum one: 1.7, labels",
    "OrdinalEncoder | max_categories | *": "lists three keys and five values: every runtime refuses it",
    "RidgeClassifier | default | marks | float32": "writes marks as classes, four intercepts for two: every runtime refuses it",
    "SGDClassifier | loss log_loss | three | float32": "compares probabilities, not scores: two that round to 1 are a tie, 1 of 25 labels",
    "SGDClassifier | loss modified_huber | three | *": "compares probabilities, not scores: many are equal, 5 of 25 labels",
    "SelectFromModel | of trees | three | *": "takes 'the first column only' for 'no column': writes a graph that no runtime runs",
    "SelectPercentile | the first column | three | *": "takes 'the first column only' for 'no column': writes a graph that no runtime runs",
    "SimpleImputer | add_indicator | *": "leaves out the indicator columns: 4 where scikit-learn gives 6",
    "StackingClassifier | of machines | two words | *": "stacks two columns for each score: four for two coefficients, which no runtime runs",
    "StackingClassifier | default | two | int64": "casts the probabilities it stacks to integers: all zero, 11 of 25 labels",
    "StackingRegressor | default | number | int64": "casts what it stacks, and its answer, to integers: 0.6",
    "Tfidf* | sublinear_tf | *": "takes log(1 + count) for 1 + log(count): 1.6e-2",
    "TfidfTransformer | a row of zeros | float64": "divides a row of zeros by its norm: NaN where scikit-learn leaves zeros",
    "TunedThresholdClassifierCV | for recall | *": "leaves out the tuned threshold: labels",
}  # fmt: skip

# Families of graphs that take doubles and hold what was learnt as float32: thresholds, leaf values, coefficients. No
# runtime can give scikit-learn's doubles from them; they must still be right to 1e-6.
FLOAT32_ATTRIBUTES: dict[str, str] = {
    "AdaBoost* | float64": "TreeEnsembleClassifier and TreeEnsembleRegressor",
    "Bagging* | float64": "TreeEnsembleClassifier and TreeEnsembleRegressor",
    "CastRegressor | * | float64": "the answer is cast to float32, as the estimator's dtype says",
    "CategoricalNB | * | float64": "casts the logarithms of its probabilities to float32",
    "DecisionTree* | float64": "TreeEnsembleClassifier and TreeEnsembleRegressor",
    "ExtraTree* | float64": "TreeEnsembleClassifier and TreeEnsembleRegressor",
    "GradientBoosting* | float64": "TreeEnsembleClassifier and TreeEnsembleRegressor",
    "GridSearchCV | of trees | * | float64": "TreeEnsembleClassifier",
    "MultiOutput* | of trees | * | float64": "TreeEnsembleClassifier and TreeEnsembleRegressor",
    "NuSV* | float64": "SVMClassifier and SVMRegressor",
    "OneClassSVM | * | float64": "SVMRegressor",
    "OneVsRestClassifier | of trees | * | float64": "TreeEnsembleClassifier",
    "Pipeline | impute, trees | * | float64": "TreeEnsembleClassifier",
    "Pipeline | scale, boosting | * | float64": "TreeEnsembleRegressor",
    "RandomForest* | float64": "TreeEnsembleClassifier and TreeEnsembleRegressor",
    "SV[CR] | * | float64": "SVMClassifier and SVMRegressor",
    "VotingRegressor | * | float64": "TreeEnsembleRegressor",
}

# Graphs of float32 whose own sums lose more digits than the tolerance allows, with any order of additions.
CANCELS: dict[str, str] = {
    "GaussianProcessClassifier | * | float32": "float32 sums and their solution lose digits: up to 3e-4, and as many where Solve works in double",
}  # fmt: skip


def explaining(patterns: Iterable[str], name: str) -> list[str]:
    """The patterns that a variant's name fits."""
    return [pattern for pattern in patterns if fnmatchcase(name, pattern)]
