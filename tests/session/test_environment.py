"""What holds for the process, as programs written for onnxruntime ask for it."""

from __future__ import annotations

import logging
import subprocess
import sys

import numpy as np
import pytest

import sklort
from sklort import capi
from sklort.exceptions import InvalidUse


@pytest.fixture
def logger():
    found = logging.getLogger("sklort")
    before = found.level
    yield found
    found.setLevel(before)


def test_providers_and_device():
    everyone, available = sklort.get_all_providers(), sklort.get_available_providers()
    assert everyone[-1] == available[-1] == "CPUExecutionProvider"
    assert set(available) <= set(everyone)
    assert sklort.get_device() == ("CPU" if len(available) == 1 else "GPU")
    session = sklort.InferenceSession(sklort.datasets.get_example("sigmoid.onnx"), providers=available)
    assert session.get_providers() == available


def test_versions():
    assert sklort.__version__ == sklort.version == sklort.get_version_string()
    assert sklort.__version__ in sklort.get_build_info()
    assert sklort.package_name == "sklort"
    assert isinstance(sklort.cuda_version, str)


@pytest.mark.parametrize(
    ("severity", "level"),
    list(enumerate((logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL))),
)
def test_severities_are_levels_of_the_logger(severity, level, logger):
    sklort.set_default_logger_severity(severity)
    assert logger.level == level
    with pytest.raises(InvalidUse):
        sklort.set_default_logger_severity(9)
    assert logger.level == level


def test_the_number_of_threads():
    from sklort._native import _core

    before = _core.thread_limit()
    try:
        sklort.set_global_thread_pool_sizes(3, 2)
        assert _core.thread_limit() == 3
        for wrong in ("2", 1.5, None):
            with pytest.raises(TypeError, match="intra_op_num_threads must be an int"):
                sklort.set_global_thread_pool_sizes(wrong)
        assert _core.thread_limit() == 3
    finally:
        sklort.set_global_thread_pool_sizes()
    assert _core.thread_limit() == before


def test_calls_that_change_nothing(capsys):
    sklort.set_default_logger_verbosity(3)
    sklort.enable_telemetry_events()
    sklort.disable_telemetry_events()
    sklort.preload_dlls(cuda=True, cudnn=False, msvc=False, directory="")
    assert sklort.has_collective_ops() is False
    assert capsys.readouterr() == ("", "")
    sklort.print_debug_info()
    printed = capsys.readouterr().out
    assert np.__version__ in printed
    assert sklort.__version__ in printed
    assert "CPUExecutionProvider" in printed


def test_every_public_name_is_there():
    for name in sklort.__all__:
        assert getattr(sklort, name) is not None
        assert name in dir(sklort)
    with pytest.raises(AttributeError, match="no attribute 'InferenceSessions'"):
        sklort.InferenceSessions
    namespace: dict[str, object] = {}
    exec("from sklort import *", namespace)
    assert set(sklort.__all__) <= set(namespace)


@pytest.mark.parametrize("module", ["onnxruntime_pybind11_state", "_pybind_state", "onnxruntime_inference_collection"])
def test_import_paths_of_onnxruntime(module):
    found = getattr(capi, module)
    assert all(getattr(found, name) is not None for name in found.__all__)
    for name in ("InferenceSession", "OrtValue"):
        assert getattr(found, name) is getattr(sklort, name)


def test_errors_have_onnxruntimes_names_and_builtin_bases():
    state = capi.onnxruntime_pybind11_state
    bases = {
        "Fail": RuntimeError,
        "InvalidArgument": ValueError,
        "NoSuchFile": FileNotFoundError,
        "NoModel": RuntimeError,
        "EngineError": RuntimeError,
        "RuntimeException": RuntimeError,
        "InvalidProtobuf": ValueError,
        "ModelLoaded": RuntimeError,
        "NotImplemented": NotImplementedError,
        "InvalidGraph": ValueError,
        "EPFail": RuntimeError,
        "ModelLoadCanceled": RuntimeError,
        "ModelRequiresCompilation": RuntimeError,
        "NotFound": RuntimeError,
        "DeviceReset": RuntimeError,
    }
    for code, (name, base) in enumerate(bases.items(), start=1):
        error = getattr(state, name)
        assert issubclass(error, base)
        assert error.code == code
    theirs = pytest.importorskip("onnxruntime").capi.onnxruntime_pybind11_state
    known = {name for name, each in vars(theirs).items() if isinstance(each, type) and issubclass(each, Exception)}
    assert known == set(bases)


def test_kernels_are_listed():
    kernels = capi.onnxruntime_pybind11_state.get_all_opkernel_def()
    by_name = {(kernel.domain, kernel.op_name): kernel for kernel in kernels}
    assert by_name["ai.onnx.ml", "TreeEnsembleRegressor"].provider == "CPUExecutionProvider"
    first, last = by_name["", "Add"].version_range
    assert first <= 14 <= last
    assert capi.onnxruntime_pybind11_state.get_default_session_options().graph_optimization_level == 99


def test_submodules_load_when_they_are_asked_for():
    code = (
        "import sys, sklort as onnxruntime; before = set(sys.modules); "
        "assert not any(name.startswith('sklort.') and name != 'sklort._version' for name in before), before; "
        "onnxruntime.capi.onnxruntime_pybind11_state.Fail; onnxruntime.datasets.get_example('mul_1.onnx')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
