"""The parity report as data, as a table and as a chart."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import sklort
from sklort.estimator.parity import compare
from sklort.estimator.report import ParityReport

X, y = load_iris(return_X_y=True)


def compared(a, b, tolerance=1e-12) -> ParityReport:
    return compare(
        "model", ["predict"], lambda *_: np.array(a), lambda *_: np.array(b), [("given", X[:1])], tolerance=tolerance
    )


def test_differences_are_counted_by_their_power_of_ten() -> None:
    (one,) = compared([1.0, 1.0, 2.0, 1.0, 0.0, np.nan], [1.0, 1.0 + 1e-15, 2.0 + 5e-7, 1.5, 1e-300, np.nan]).methods
    assert one.equal == 2
    assert one.decades == {-15: 1, -7: 1, -1: 1, -18: 1}
    (one,) = compared([1.0, np.nan, 1e9], [np.nan, 1.0, -np.inf]).methods
    assert one.decades == {3: 3}
    (one,) = compared([1, 2], [1, 3]).methods
    assert (one.equal, one.decades) == (0, {})


def test_a_report_survives_json() -> None:
    for report in (
        sklort.convert(LogisticRegression(max_iter=1000).fit(X, y), X).parity_report_,
        compared([1.0, 2.0], [1.0, 2.5]),
    ):
        again = ParityReport.from_dict(json.loads(json.dumps(report.as_dict(), allow_nan=False)))
        assert again == report
        assert str(again) == str(report)
    assert compared([1.0], [2.0])._repr_html_().count("<li>") == 1


def test_plot() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    report = sklort.convert(LogisticRegression(max_iter=1000).fit(X, y), X).parity_report_
    ax = report.plot()
    numeric = [one for one in report.methods if one.equal or one.decades]
    drawn = sum(bar.get_height() for bars in ax.containers for bar in bars)
    assert drawn == sum(one.equal + sum(one.decades.values()) for one in numeric)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["tolerance 1e-12", *(one.method for one in numeric)]
    _, other = pyplot.subplots()
    assert compared([1.0], [2.0]).plot(other) is other
    assert compared([1], [1]).plot() is not None  # nothing numeric to draw
    ax.figure.canvas.draw()
    pyplot.close("all")


def test_plot_without_matplotlib(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match="sklort\\[plot\\]"):
        compared([1.0], [1.0]).plot()
