"""Constructor arguments of the catalogue: what an estimator cannot do without, and what is worth a variant of its own.

An estimator that stands in neither table is tried with its defaults.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    PairwiseKernel,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

Arguments = dict[str, Any]


def _steps(*steps: Any) -> Arguments:
    return {"steps": [(type(step).__name__, step) for step in steps]}


_TWO = [("trees", DecisionTreeClassifier(max_depth=3, random_state=0)), ("line", LogisticRegression())]
_TWO_NUMBERS = [("trees", DecisionTreeRegressor(max_depth=3, random_state=0)), ("line", LinearRegression())]
_SCALERS = [("scaled", StandardScaler(), [0, 1]), ("squeezed", MinMaxScaler(), [2, 3])]
_BY_NAME = [("scaled", StandardScaler(), ["a", "b"]), ("coded", OneHotEncoder(handle_unknown="ignore"), ["word"])]

# What every variant of the estimator is constructed with.
REQUIRED: dict[str, Arguments] = {
    "CastRegressor": {"estimator": LinearRegression()},
    "ColumnTransformer": {"transformers": _SCALERS},
    "FeatureUnion": {"transformer_list": [("scaled", StandardScaler()), ("turned", PCA(2))]},
    "FeatureHasher": {"n_features": 8, "input_type": "string"},
    "GaussianRandomProjection": {"n_components": 2},
    "GenericUnivariateSelect": {"param": 50},
    "GridSearchCV": {"estimator": LogisticRegression(), "param_grid": {"C": [0.5, 1.0]}, "cv": 2},
    **{f"HistGradientBoosting{kind}": {"max_iter": 4} for kind in ("Classifier", "Regressor")},
    "LocalOutlierFactor": {"novelty": True},
    "LogisticRegressionCV": {"Cs": 3, "cv": 2},
    "MLPClassifier": {"max_iter": 30, "hidden_layer_sizes": (8,)},
    "MLPRegressor": {"max_iter": 30, "hidden_layer_sizes": (8,)},
    "MultiOutputClassifier": {"estimator": LogisticRegression()},
    "MultiOutputRegressor": {"estimator": Ridge()},
    "OneVsOneClassifier": {"estimator": LogisticRegression()},
    "OneVsRestClassifier": {"estimator": LogisticRegression()},
    "Pipeline": _steps(StandardScaler(), LogisticRegression()),
    "QuantileTransformer": {"n_quantiles": 5},  # conversion takes more than quadratic time
    "RFE": {"estimator": LogisticRegression(), "n_features_to_select": 2},
    "RFECV": {"estimator": LogisticRegression(), "cv": 2},
    "RadiusNeighborsClassifier": {"radius": 4.25},
    "RadiusNeighborsRegressor": {"radius": 4.25},
    "SelectFdr": {"alpha": 0.9},
    "SelectFpr": {"alpha": 0.5},
    "SelectFromModel": {"estimator": LogisticRegression()},
    "SelectFwe": {"alpha": 0.9},
    "SelectKBest": {"k": 2},
    "SelectPercentile": {"percentile": 50},
    "StackingClassifier": {"estimators": _TWO, "cv": 2},
    "StackingRegressor": {"estimators": _TWO_NUMBERS, "cv": 2},
    "TheilSenRegressor": {"max_subpopulation": 50},
    "TunedThresholdClassifierCV": {"estimator": LogisticRegression(), "cv": 2},
    "VotingClassifier": {"estimators": _TWO},
    "VotingRegressor": {"estimators": _TWO_NUMBERS},
}

_KERNELS: dict[str, Any] = {
    "RBF": RBF(1.3),
    "Matern(0.5)": Matern(nu=0.5),
    "Matern(1.5)": Matern(nu=1.5),
    "Matern(2.5)": Matern(nu=2.5),
    "RationalQuadratic": RationalQuadratic(),
    "ExpSineSquared": ExpSineSquared(1.5, 4.0) + WhiteKernel(),
    "DotProduct": DotProduct() + WhiteKernel(),
    "product": ConstantKernel(2.0) * RBF(0.8),
    "PairwiseKernel": PairwiseKernel(metric="cosine") + WhiteKernel(),
}
_GAUSSIAN: dict[str, Arguments] = {name: {"kernel": k, "optimizer": None} for name, k in _KERNELS.items()}
_GAUSSIAN["ExpSineSquared"]["DATA"] = "column"  # on more columns it is no kernel
_NEIGHBOURS: dict[str, Arguments] = {
    **{f"metric {name}": {"metric": name} for name in ("manhattan", "cosine", "chebyshev", "canberra", "sqeuclidean")},
    "p 3": {"p": 3},
    "n_neighbors 1": {"n_neighbors": 1},
    "weights distance": {"weights": "distance"},
    "optim cdist": {":optim": "cdist"},
    **{
        f"metric {name} optim cdist": {"metric": name, ":optim": "cdist"}
        for name in ("manhattan", "chebyshev", "cosine")
    },
}
_RADIUS: dict[str, Arguments] = {
    "metric manhattan": {"metric": "manhattan", "radius": 6.0},
    "weights distance": {"weights": "distance"},
}
_SVM = {f"kernel {name}": {"kernel": name} for name in ("linear", "poly", "sigmoid")}
_SVM_CLASSIFIER: dict[str, Arguments] = {
    **_SVM,
    "probability": {"probability": True},
    "ovo": {"decision_function_shape": "ovo"},
    "break_ties": {"break_ties": True, "decision_function_shape": "ovr"},
}
_TREE: dict[str, Arguments] = {"max_depth 2": {"max_depth": 2}, "best_first": {"max_leaf_nodes": 5}}
_TREE |= {f"decision_{what}": {f":decision_{what}": True} for what in ("leaf", "path")}
_TREE_CLASSIFIER: dict[str, Arguments] = {
    **_TREE,
    "entropy": {"criterion": "entropy"},
    "nocl": {":nocl": True},
}
# Three of six trees: 0.5, if a sixth in float32 is added in float32.
_EQUAL_VOTES: Arguments = {"n_estimators": 6, "DATA": "many", "TARGET": "two"}
_LINEAR_CLASSIFIER: dict[str, Arguments] = {
    "without intercept": {"fit_intercept": False},
    "raw_scores": {":raw_scores": True},
    "nocl": {":nocl": True},
}
_MIXTURE: dict[str, Arguments] = {
    **{
        f"covariance {kind}": {"n_components": 3, "covariance_type": kind}
        for kind in ("full", "tied", "diag", "spherical")
    },
    "score_samples": {"n_components": 2, ":score_samples": True},
}
_OUTLIER: dict[str, Arguments] = {"score_samples": {":score_samples": True}}

# Variants beside the default one. A name with a colon in front is an option of the conversion, one in capitals is
# another row of data or another kind of label.
VARIANTS: dict[str, dict[str, Arguments]] = {
    "AdaBoostClassifier": {"of lines": {"estimator": LogisticRegression()}, "raw_scores": {":raw_scores": True}},
    "AdaBoostRegressor": {f"loss {loss}": {"loss": loss} for loss in ("square", "exponential")},
    "BaggingClassifier": {
        "of lines": {"estimator": LogisticRegression()},
        "of machines": {"estimator": SVC()},
        "some features": {"max_features": 0.5},
    },
    "BaggingRegressor": {"of lines": {"estimator": Ridge()}, "some features": {"max_features": 0.5}},
    "BayesianGaussianMixture": _MIXTURE,
    "BayesianRidge": {"return_std": {":return_std": True}},
    "BernoulliNB": {"binarize None": {"binarize": None, "DATA": "counts"}, "binarize 0.5": {"binarize": 0.5}},
    "Binarizer": {"threshold 0.5": {"threshold": 0.5}},
    "CalibratedClassifierCV": {
        "isotonic": {"method": "isotonic", "cv": 2},
        "temperature": {"method": "temperature", "cv": 2},
        "of lines": {"estimator": LogisticRegression(), "cv": 2},
        "of trees": {"estimator": DecisionTreeClassifier(max_depth=2, random_state=0), "cv": 2},
        "of a pipeline": {"estimator": Pipeline([("a", StandardScaler()), ("b", LogisticRegression())]), "cv": 2},
        "ensemble False": {"ensemble": False, "cv": 2},
    },
    "CastTransformer": {"float64": {"dtype": np.float64}, "int64": {"dtype": np.int64}},
    "ColumnTransformer": {
        "remainder passthrough": {"transformers": _SCALERS[:1], "remainder": "passthrough"},
        "drop": {"transformers": [*_SCALERS[:1], ("dropped", "drop", [2, 3])]},
        "passthrough": {"transformers": [*_SCALERS[:1], ("kept", "passthrough", [2])]},
        "by name": {"transformers": _BY_NAME, "DATA": "frame"},
    },
    "CountVectorizer": {
        "binary": {"binary": True},
        "stop_words": {"stop_words": ["the", "is"]},
        "characters": {"analyzer": "char"},
        "pairs": {"ngram_range": (1, 2)},
        "pairs of all words": {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"},
    },
    "DecisionTreeClassifier": {**_TREE_CLASSIFIER, "two outputs": {"TARGET": "two outputs"}},
    "DecisionTreeRegressor": {**_TREE, "absolute error": {"criterion": "absolute_error"}},
    "ElasticNet": {"positive": {"positive": True}},
    "ExtraTreeClassifier": _TREE_CLASSIFIER,
    "ExtraTreeRegressor": _TREE,
    "ExtraTreesClassifier": {**_TREE_CLASSIFIER, "equal votes": _EQUAL_VOTES},
    "ExtraTreesRegressor": _TREE,
    "FeatureHasher": {"alternate_sign False": {"alternate_sign": False}},
    "FeatureUnion": {"passthrough": {"transformer_list": [("scaled", StandardScaler()), ("kept", "passthrough")]}},
    "FunctionTransformer": {"a function": {"func": np.log1p, "DATA": "positive"}},
    "GammaRegressor": {"without intercept": {"fit_intercept": False}},
    "GaussianMixture": _MIXTURE,
    "GaussianProcessClassifier": {**_GAUSSIAN, "optim cdist": {"kernel": RBF(1.3), ":optim": "cdist"}},
    "GaussianProcessRegressor": {
        **_GAUSSIAN,
        "normalize_y": {"kernel": RBF(1.3), "optimizer": None, "normalize_y": True},
        "return_std": {"kernel": RBF(1.3) + WhiteKernel(), "optimizer": None, ":return_std": True},
        "return_cov": {"kernel": RBF(1.3) + WhiteKernel(), "optimizer": None, ":return_cov": True},
        "optim cdist": {"kernel": RBF(1.3), "optimizer": None, ":optim": "cdist"},
        "Matern(1.5) optim cdist": {"kernel": Matern(nu=1.5), "optimizer": None, ":optim": "cdist"},
    },
    "GenericUnivariateSelect": {"k best": {"mode": "k_best", "param": 2}},
    "GradientBoostingClassifier": {
        "exponential": {"loss": "exponential", "TARGET": "two"},
        "init zero": {"init": "zero"},
        "subsample": {"subsample": 0.5},
        "raw_scores": {":raw_scores": True},
    },
    "GradientBoostingRegressor": {
        **{f"loss {loss}": {"loss": loss} for loss in ("absolute_error", "huber", "quantile")},
        "init zero": {"init": "zero"},
    },
    "GridSearchCV": {
        "of a regressor": {"estimator": Ridge(), "param_grid": {"alpha": [0.5, 1.0]}, "TARGET": "number"},
        "of clusters": {"estimator": KMeans(2, n_init=1, random_state=0), "param_grid": {"n_clusters": [2]}, "TARGET": ""},
        "of trees": {"estimator": DecisionTreeClassifier(random_state=0), "param_grid": {"max_depth": [2, 3]}},
    },
    "HistGradientBoostingRegressor": {f"loss {loss}": {"loss": loss, "TARGET": "positive number"} for loss in ("poisson", "gamma")},
    "IsolationForest": {**_OUTLIER, "max_samples": {"max_samples": 20}},
    "KBinsDiscretizer": {
        "ordinal": {"encode": "ordinal"},
        "onehot-dense": {"encode": "onehot-dense"},
        "uniform": {"encode": "ordinal", "strategy": "uniform"},
        "kmeans": {"encode": "ordinal", "strategy": "kmeans", "n_bins": 3},
    },
    "KMeans": {"n_clusters 3": {"n_clusters": 3}, "gemm False": {":gemm": False}},
    "KNNImputer": {"n_neighbors 2": {"n_neighbors": 2}, "weights distance": {"weights": "distance"}},
    "KNeighborsClassifier": {**_NEIGHBOURS, "two outputs": {"TARGET": "two outputs"}, "raw_scores": {":raw_scores": True}},
    "KNeighborsRegressor": _NEIGHBOURS,
    "KNeighborsTransformer": {"connectivity": {"mode": "connectivity"}, "metric manhattan": {"metric": "manhattan"}, "optim cdist": {":optim": "cdist"}},
    "KernelPCA": {name: {"kernel": name, "n_components": 2} for name in ("rbf", "poly", "sigmoid", "cosine")},
    "LabelBinarizer": {"of words": {"DATA": "words as labels"}, "signs": {"neg_label": -1, "pos_label": 2}},
    "LabelEncoder": {"of words": {"DATA": "words as labels"}},
    "LinearDiscriminantAnalysis": {"shrunk": {"solver": "lsqr", "shrinkage": "auto"}, "raw_scores": {":raw_scores": True}},
    "LinearRegression": {"without intercept": {"fit_intercept": False}, "positive": {"positive": True}},
    "LinearSVC": {"without intercept": {"fit_intercept": False}, "raw_scores": {":raw_scores": True}},
    "LocalOutlierFactor": {**_OUTLIER, "n_neighbors 5": {"n_neighbors": 5}, "metric manhattan": {"metric": "manhattan"}},
    "LogisticRegression": {**_LINEAR_CLASSIFIER, "C 0.1": {"C": 0.1}, "zipmap columns": {":zipmap": "columns"}},
    "MLPClassifier": {f"activation {name}": {"activation": name} for name in ("identity", "logistic", "tanh")},
    "MLPRegressor": {
        **{f"activation {name}": {"activation": name} for name in ("identity", "logistic", "tanh")},
        "two layers": {"hidden_layer_sizes": (8, 5)},
    },
    "MaxAbsScaler": {"div": {":div": "div"}, "div_cast": {":div": "div_cast"}},
    "MinMaxScaler": {"clip": {"clip": True}, "to (-2, 3)": {"feature_range": (-2, 3)}},
    "MultiOutputClassifier": {"of trees": {"estimator": DecisionTreeClassifier(max_depth=3, random_state=0)}, "of neighbours": {"estimator": KNeighborsClassifier()}},
    "MultiOutputRegressor": {"of trees": {"estimator": DecisionTreeRegressor(max_depth=3, random_state=0)}},
    "NearestNeighbors": {
        "radius None": {"n_neighbors": 3, "radius": None},
        "metric manhattan": {"n_neighbors": 3, "radius": None, "metric": "manhattan"},
        "optim cdist": {"n_neighbors": 3, "radius": None, ":optim": "cdist"},
    },
    "Normalizer": {norm: {"norm": norm} for norm in ("l1", "l2", "max")},
    "NuSVC": _SVM_CLASSIFIER,
    "NuSVR": _SVM,
    "OneClassSVM": _SVM,
    "OneHotEncoder": {
        "handle_unknown": {"handle_unknown": "ignore", "DATA": "words unknown"},
        "drop first": {"drop": "first"},
        "drop if_binary": {"drop": "if_binary"},
        "dense": {"sparse_output": False},
        "infrequent": {"min_frequency": 15, "handle_unknown": "infrequent_if_exist"},
        "max_categories": {"max_categories": 3},
    },
    "OneVsOneClassifier": {"of LinearSVC": {"estimator": LinearSVC()}, "of trees": {"estimator": DecisionTreeClassifier(max_depth=2, random_state=0)}},
    "OneVsRestClassifier": {"of LinearSVC": {"estimator": LinearSVC()}, "of trees": {"estimator": DecisionTreeClassifier(max_depth=2, random_state=0)}},
    "OrdinalEncoder": {
        "unknown": {"handle_unknown": "use_encoded_value", "unknown_value": -1, "DATA": "words unknown"},
        "max_categories": {"max_categories": 3},
        "int64 out": {"dtype": np.int64},
    },
    "PCA": {"whiten": {"whiten": True, "n_components": 2}},
    "PLSRegression": {"unscaled": {"scale": False}},
    "Pipeline": {
        "select, classify": _steps(SelectKBest(k=2), LogisticRegression()),
        "scale, forest": _steps(StandardScaler(), RandomForestClassifier(4, random_state=0)),
        "scale, neighbours": _steps(StandardScaler(), KNeighborsClassifier()),
        "turn, bayes": _steps(PCA(2), GaussianNB()),
        "impute, trees": {**_steps(SimpleImputer(), DecisionTreeClassifier(max_depth=3, random_state=0)), "DATA": "holes"},
        "impute near, lines": {**_steps(KNNImputer(), LogisticRegression()), "DATA": "holes"},
        "scale, Ridge": {**_steps(StandardScaler(), Ridge()), "TARGET": "number"},
        "scale, boosting": {**_steps(StandardScaler(), GradientBoostingRegressor(n_estimators=4, random_state=0)), "TARGET": "number"},
        "scale, squares": {**_steps(StandardScaler(), PolynomialFeatures()), "TARGET": ""},
        "scale, clusters": {**_steps(StandardScaler(), KMeans(3, n_init=1, random_state=0)), "TARGET": ""},
        "passthrough": {"steps": [("kept", "passthrough"), ("line", LogisticRegression())]},
        "by name": {**_steps(ColumnTransformer(_BY_NAME), LogisticRegression()), "DATA": "frame"},
        "ending in LinearSVC": _steps(StandardScaler(), LinearSVC()),
    },
    "PolynomialFeatures": {"degree 3": {"degree": 3}, "interactions": {"interaction_only": True}, "without bias": {"include_bias": False}},
    "PowerTransformer": {"box-cox": {"method": "box-cox", "DATA": "positive"}, "not standardised": {"standardize": False}},
    "QuantileRegressor": {"quantile 0.8": {"quantile": 0.8}},
    "QuantileTransformer": {"normal": {"output_distribution": "normal"}},
    "RadiusNeighborsClassifier": {**_RADIUS, "two outputs": {"TARGET": "two outputs"}},
    "RadiusNeighborsRegressor": _RADIUS,
    "RandomForestClassifier": {**_TREE_CLASSIFIER, "equal votes": _EQUAL_VOTES, "two outputs": {"TARGET": "two outputs"}},
    "RandomForestRegressor": _TREE,
    "RandomTreesEmbedding": {"dense": {"sparse_output": False}},
    "RobustScaler": {"uncentred": {"with_centering": False}, "div": {":div": "div"}},
    "SGDClassifier": {f"loss {loss}": {"loss": loss} for loss in ("log_loss", "modified_huber", "squared_hinge", "perceptron")},
    "SGDRegressor": {"huber": {"loss": "huber"}},
    "SVC": _SVM_CLASSIFIER,
    "SVR": _SVM,
    "SelectFromModel": {"of trees": {"estimator": RandomForestClassifier(4, random_state=0)}},
    "SelectPercentile": {"the first column": {"percentile": 10}},
    "SimpleImputer": {
        **{f"strategy {name}": {"strategy": name} for name in ("median", "most_frequent")},
        "constant": {"strategy": "constant", "fill_value": 7.0},
        "add_indicator": {"add_indicator": True},
    },
    "StackingClassifier": {
        "passthrough": {"passthrough": True},
        "of machines": {"estimators": [("a", SVC()), ("b", LinearSVC())]},
    },
    "StackingRegressor": {"passthrough": {"passthrough": True}},
    "StandardScaler": {
        "uncentred": {"with_mean": False},
        "unscaled": {"with_std": False},
        "div": {":div": "div"},
        "div_cast": {":div": "div_cast"},
    },
    "TargetEncoder": {"unknown": {"DATA": "words unknown"}, "three classes": {"TARGET": "three"}},
    "TfidfTransformer": {"sublinear_tf": {"sublinear_tf": True}, "l1": {"norm": "l1"}, "a row of zeros": {"DATA": "counts and zeros"}, "unsmoothed": {"smooth_idf": False}},
    "TfidfVectorizer": {"sublinear_tf": {"sublinear_tf": True}, "characters": {"analyzer": "char"}, "pairs": {"ngram_range": (1, 2)}, "l1": {"norm": "l1"}},
    "TunedThresholdClassifierCV": {"for recall": {"scoring": "recall", "TARGET": "two"}},
    "TweedieRegressor": {f"power {power}": {"power": power, "TARGET": "positive number"} for power in (1, 1.5, 2, 3)},
    "VotingClassifier": {
        "flatten_transform False": {"flatten_transform": False},
        "soft": {"flatten_transform": False, "voting": "soft"},
        "weights": {"flatten_transform": False, "voting": "soft", "weights": np.array([0.3, 0.7])},
        "weights in a list": {"flatten_transform": False, "voting": "soft", "weights": [0.3, 0.7]},
    },
    "VotingRegressor": {"weights": {"weights": np.array([0.3, 0.7])}},
}  # fmt: skip
