"""Texts to classes: the vectorizer and the model are compiled together, from the string to the label.

The texts are lines from the descriptions of scikit-learn's data sets; the class is the data set they describe.
"""

from __future__ import annotations

import numpy as np
from sklearn import datasets
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import sklort

TOPICS = ("iris", "wine", "diabetes", "digits", "breast_cancer", "linnerud")


def read() -> tuple[list[str], list[str]]:
    """Lines, and what they are about."""
    texts, topics = [], []
    for topic in TOPICS:
        lines = getattr(datasets, f"load_{topic}")().DESCR.splitlines()
        found = [line.strip() for line in lines if len(line.split()) > 3]
        texts += found
        topics += [topic] * len(found)
    return texts, topics


def main() -> None:
    texts, topics = read()
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10))
    model.fit(texts, topics)

    fast = sklort.convert(model, texts)
    print(fast.parity_report_)

    new = ["Width of the petals, in cm", "eight by eight pixels, written by hand", "Größe? Alkohol und Farbe 5%", ""]
    probabilities = fast.predict_proba(new)
    for text, topic, share in zip(new, fast.predict(new), probabilities.max(axis=1)):
        print(f"{topic:14}{share:.2f}  {text!r}")
    print(f"{(fast.predict(texts) != model.predict(texts)).sum()} of {len(texts)} labels differ")
    print(f"new texts: probabilities differ by {np.abs(probabilities - model.predict_proba(new)).max():.0e}")


if __name__ == "__main__":
    main()
