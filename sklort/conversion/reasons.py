"""Why an estimator of scikit-learn has no ONNX form: printed in docs/coverage.md, and told who tries."""

from __future__ import annotations

_FITTED_ROWS = "it says something of the rows it was fitted on only: scikit-learn gives it no predict and no transform"
_SPREAD = "it has neither predict nor transform: it estimates a covariance matrix, which is an attribute"
_ITERATES = (
    "transform minimises a cost by a number of steps that depends on all the rows given together, so that the answer "
    "for a row is not a function of that row"
)
_TARGETS = "it transforms targets, of which a fitted model is given none: a classifier's labels are in its own graph"

NOT_CONVERTED: dict[str, str] = {
    "AgglomerativeClustering": _FITTED_ROWS,
    "ClassicalMDS": _FITTED_ROWS,
    "DBSCAN": _FITTED_ROWS,
    "DictVectorizer": "it reads dictionaries and looks their names up, no more: make a table of them first",
    "EmpiricalCovariance": _SPREAD,
    "FeatureHasher": "it reads dictionaries or lists of words, not a matrix or a table",
    "GraphicalLasso": _SPREAD,
    "GraphicalLassoCV": _SPREAD,
    "HDBSCAN": _FITTED_ROWS,
    "LabelBinarizer": _TARGETS,
    "LabelEncoder": _TARGETS,
    "LedoitWolf": _SPREAD,
    "MDS": _FITTED_ROWS,
    "MinCovDet": _SPREAD,
    "MiniBatchNMF": _ITERATES,
    "MultiLabelBinarizer": _TARGETS,
    "NMF": _ITERATES,
    "OAS": _SPREAD,
    "OPTICS": _FITTED_ROWS,
    "PatchExtractor": "it reads images of three or four dimensions, and gives more rows than it is given",
    "ShrunkCovariance": _SPREAD,
    "SpectralBiclustering": _FITTED_ROWS,
    "SpectralClustering": _FITTED_ROWS,
    "SpectralCoclustering": _FITTED_ROWS,
    "SpectralEmbedding": _FITTED_ROWS,
    "TSNE": _FITTED_ROWS,
}
"""Estimator -> the reason, as a clause."""

PARTLY: dict[str, str] = {
    "DictionaryLearning": "transform_algorithm='threshold'; the others solve an optimisation of their own for each row",
    "DummyClassifier": "strategies that draw at random are refused",
    "FunctionTransformer": "functions of NumPy and SciPy; a Python function has no other form than itself",
    "GaussianProcessRegressor": "predict without return_std; Matern is a Bessel function but for nu of 0.5, 1.5, 2.5",
    "HashingVectorizer": "as CountVectorizer, and at most 2**12 columns: a tensor of ONNX is dense",
    "IterativeImputer": "sample_posterior=True draws at random and is refused",
    "LatentDirichletAllocation": "fitted on float64 or on counts: in float32 its number of steps hangs on the rounding",
    "KernelDensity": "the Euclidean distance; atol and rtol of the search are taken as 0",
    "MiniBatchDictionaryLearning": "as DictionaryLearning",
    "SparseCoder": "as DictionaryLearning",
    "CountVectorizer": (
        "words of at least so many letters, no analyzer='char', no Python functions; for lower case onnxruntime "
        "needs the system's locale en_US.UTF-8"
    ),
    "TfidfVectorizer": "as CountVectorizer",
}
"""Estimator -> what of it is converted, or how, where that is not all."""
