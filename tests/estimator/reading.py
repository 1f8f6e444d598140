"""Frames, a model that reads them, and the ways to see who answered."""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklort.exceptions import ScikitLearnAnswered

pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
N = 120


def frames_of(call) -> list[str]:
    """The Python functions that `call` enters, itself left out."""
    entered: list[str] = []

    def note(frame, event, _) -> None:
        if event == "call":
            entered.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered[1:]


@cache
def mixed_model():
    """A frame of numbers and words, and a model that reads both."""
    frame = pd.DataFrame(
        {
            "age": RNG.normal(40, 10, N),
            "city": RNG.choice(["Oslo", "Rome", "Zürich", "a name of more than twelve bytes"], N),
            "rooms": RNG.integers(1, 6, N),
            "kind": RNG.choice(["flat", "house"], N),
            "unused": RNG.normal(size=N),
        }
    )
    frame.loc[::9, "age"] = np.nan
    model = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "rooms"]),
                ("words", OneHotEncoder(handle_unknown="ignore"), ["city", "kind"]),
            ]
        ),
        LogisticRegression(),
    ).fit(frame, (frame.rooms > 2) ^ (frame.kind == "flat"))
    return frame, model


def same(estimator, model, Z, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(estimator.predict_proba(Z), model.predict_proba(Z), rtol=tolerance, atol=1e-15)
    assert np.array_equal(estimator.predict(Z), model.predict(Z))


def is_native(estimator, Z, method: str = "predict") -> bool:
    """Whether frames like `Z` are answered without a Python frame once one has come."""
    predict = getattr(estimator, method)
    predict(Z)
    return set(frames_of(lambda: predict(Z))) <= {"__arrow_c_stream__"}  # polars writes that one in Python


def refuses(estimator, model, Z) -> None:
    with pytest.raises(Exception) as theirs:
        model.predict(Z)
    with pytest.raises(Exception) as ours:
        estimator.predict(Z)
    assert type(ours.value) is type(theirs.value)
    assert str(ours.value) == str(theirs.value)


def refused_or_answered(estimator, model, Z) -> None:
    """As scikit-learn does it, with a warning where it answers."""
    try:
        expected = model.predict_proba(Z)
    except TypeError:
        refuses(estimator, model, Z)
        return
    with pytest.warns(ScikitLearnAnswered):
        got = estimator.predict_proba(Z)
    assert np.array_equal(got, expected)
