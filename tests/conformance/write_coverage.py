"""Make `coverage.json` and `docs/coverage.md` anew: python -m tests.conformance.write_coverage

onnxruntime's column is made where it is installed; elsewhere the one written before stays.
"""

from __future__ import annotations

import locale
from typing import Any

from threadpoolctl import threadpool_limits

import sklort
from tests.conformance import coverage_record
from tests.conformance.catalogue import catalogue
from tests.conformance.evaluation import Backend, evaluate, onnxruntime_backend


def _has_locale() -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "en_US.UTF-8")
    except locale.Error:
        return False
    locale.setlocale(locale.LC_CTYPE, before)
    return True


def main() -> None:
    other = onnxruntime_backend()
    before: dict[str, Any] = coverage_record.read() if coverage_record.RECORD.exists() else {"variants": {}}
    backends: dict[str, Backend] = {"sklort": sklort.InferenceSession}
    if other is not None:
        backends["onnxruntime"] = other
    variants = {}
    threadpool_limits(1)
    for variant in catalogue():
        stages = {name: evaluate(variant, backend).stage for name, backend in backends.items()}
        known = before["variants"].get(variant.id, {}).get("onnxruntime", "not tried")
        variants[variant.id] = {"onnxruntime": known, **stages}
    record: dict[str, Any] = {"versions": coverage_record.versions(), "variants": variants}
    if other is None:
        record |= {key: before.get(key, "not tried") for key in ("onnxruntime", "locale")}
    else:
        import onnxruntime

        record |= {"onnxruntime": onnxruntime.__version__, "locale": _has_locale()}
    coverage_record.write(record)
    coverage_record.PAGE.write_text(coverage_record.render(record))


if __name__ == "__main__":
    main()
