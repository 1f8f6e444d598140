"""Make `coverage.json` and `docs/coverage.md` anew: python -m tests.conformance.write_coverage [--estimators]

With `--estimators` only the verdicts on the estimators are made, and the variants stay. onnxruntime's column is made where it is installed; elsewhere the one written before stays.
"""

from __future__ import annotations

import locale
import sys
from typing import Any

from threadpoolctl import threadpool_limits

import sklort
from tests.conformance import coverage_record
from tests.conformance.catalogue import catalogue
from tests.conformance.evaluation import Backend, evaluate, onnxruntime_backend
from tests.conformance.every_estimator import names, verdict


def _has_locale() -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "en_US.UTF-8")
    except locale.Error:
        return False
    locale.setlocale(locale.LC_CTYPE, before)
    return True


def verdicts(backends: dict[str, Backend], before: dict[str, Any]) -> dict[str, Any]:
    """The verdict on every estimator of scikit-learn."""
    found = {}
    for name in names():
        each = {backend: verdict(name, make) for backend, make in backends.items()}
        ours = each["sklort"]
        found[name] = {
            "by": ours.by,
            "answers": list(ours.answers),
            "onnxruntime": before.get(name, {}).get("onnxruntime", "not tried"),
            **{backend: one.stage for backend, one in each.items()},
        }
        if ours.stage == "not converted":
            found[name]["sentence"] = ours.sentence
    return found


def main() -> None:
    other = onnxruntime_backend()
    before: dict[str, Any] = coverage_record.read() if coverage_record.RECORD.exists() else {"variants": {}}
    backends: dict[str, Backend] = {"sklort": sklort.InferenceSession}
    if other is not None:
        backends["onnxruntime"] = other
    only_estimators = "--estimators" in sys.argv
    variants = before["variants"] if only_estimators else {}
    threadpool_limits(1)
    for variant in () if only_estimators else catalogue():
        stages = {name: evaluate(variant, backend).stage for name, backend in backends.items()}
        known = before["variants"].get(variant.id, {}).get("onnxruntime", "not tried")
        variants[variant.id] = {"onnxruntime": known, **stages}
    record: dict[str, Any] = {
        "versions": coverage_record.versions(),
        "variants": variants,
        "estimators": verdicts(backends, before.get("estimators", {})),
    }
    if other is None or only_estimators:
        record |= {key: before.get(key, "not tried") for key in ("onnxruntime", "locale")}
    else:
        import onnxruntime

        record |= {"onnxruntime": onnxruntime.__version__, "locale": _has_locale()}
    coverage_record.write(record)
    coverage_record.PAGE.write_text(coverage_record.render(record))


if __name__ == "__main__":
    main()
