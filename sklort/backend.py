"""onnx's backend interface over `InferenceSession`, spelled as ``onnxruntime.backend``."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from sklort.exceptions import InvalidUse
from sklort.session.environment import get_available_providers, get_device
from sklort.session.inference_session import InferenceSession
from sklort.session.nearest import did_you_mean
from sklort.session.options import SessionOptions
from sklort.session.run_options import RunOptions

_SESSION_FIELDS = (
    "enable_cpu_mem_arena",
    "enable_mem_pattern",
    "enable_mem_reuse",
    "execution_mode",
    "execution_order",
    "graph_optimization_level",
    "inter_op_num_threads",
    "intra_op_num_threads",
    "log_severity_level",
    "log_verbosity_level",
    "logid",
    "use_deterministic_compute",
    "use_per_session_threads",
)
"""Those that write no files."""

_RUN_FIELDS = ("log_severity_level", "log_verbosity_level", "logid", "only_execute_path_to_fetches")


class BackendRep:
    """A session with inputs by position. `prepare` makes it."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session

    def run(self, inputs: Any, **kwargs: Any) -> list[Any]:
        """The outputs of the model.

        Parameters
        ----------
        inputs : list, tuple, dict or array
            In the order of the model's inputs; a dict has them by name. A model of one input takes that input itself.
        **kwargs
            Fields of `RunOptions` that concern logging, and ``only_execute_path_to_fetches``.

        Raises
        ------
        IndexError
            Too few inputs.
        ValueError
            Too many.
        InvalidUse
            One array for a model of several inputs; a field of `RunOptions` that a backend may not set.
        """
        options = RunOptions()
        _set_fields(options, kwargs, _RUN_FIELDS, _SESSION_FIELDS)
        return self._session.run(None, self._feed(inputs), options if kwargs else None)

    def _feed(self, inputs: Any) -> dict[str, Any]:
        names = [arg.name for arg in self._session.get_inputs()]
        if isinstance(inputs, Mapping) and (len(names) != 1 or set(inputs) == set(names)):
            return dict(inputs)
        if not isinstance(inputs, (list, tuple)):
            if len(names) != 1:
                raise InvalidUse(
                    f"the model has {len(names)} inputs ({', '.join(names)}): "
                    f"expected a list of them, got {type(inputs).__name__}"
                )
            return {names[0]: inputs}
        if len(inputs) < len(names):
            raise IndexError(f"the model has {len(names)} inputs ({', '.join(names)}), got {len(inputs)}")
        if len(inputs) > len(names):
            raise ValueError(f"the model has {len(names)} inputs ({', '.join(names)}), got {len(inputs)}")
        return dict(zip(names, inputs))


def supports_device(device: str) -> bool:
    """Whether this process can compute on ``CPU``, or on ``GPU``, which is also called ``CUDA``."""
    return device == "CPU" or (device in ("GPU", "CUDA") and get_device() == "GPU")


def is_compatible(model: Any, device: str | None = None, **kwargs: Any) -> bool:
    """Whether this process can compute on `device`. The model is not looked at."""
    return device is None or supports_device(device)


def prepare(model: Any, device: str | None = None, **kwargs: Any) -> BackendRep:
    """Load a model.

    Parameters
    ----------
    model : what `InferenceSession` takes, an InferenceSession, or what this function returned
    device : str, optional
        ``CPU``, for example; without it every provider that is available is used.
    **kwargs
        Fields of `SessionOptions` that write no files.

    Raises
    ------
    InvalidUse
        `device` is not supported, or a field of `SessionOptions` is one that a backend may not set.
    """
    if isinstance(model, BackendRep):
        return model
    if isinstance(model, InferenceSession):
        return BackendRep(model)
    if device is not None and not supports_device(device):
        raise InvalidUse(f"the device {device!r} is not supported here, only {get_device()!r}")
    options = SessionOptions()
    _set_fields(options, kwargs, _SESSION_FIELDS, _RUN_FIELDS)
    session = InferenceSession(model, options, None if device == "CPU" else get_available_providers())
    session.disable_fallback()  # a backend is there to find out whether a provider works
    return BackendRep(session)


def run_model(model: Any, inputs: Any, device: str | None = None, **kwargs: Any) -> list[Any]:
    """`prepare` and `BackendRep.run`, each with the fields that are its own."""
    return prepare(model, device, **kwargs).run(inputs, **kwargs)


run = run_model


def run_node(node: Any, inputs: Any, device: str | None = None, outputs_info: Any = None, **kwargs: Any) -> Any:
    """Raise NotImplementedError: a node is run as a model of one node."""
    raise NotImplementedError("make a model of the node, for example with onnx.helper.make_model, and run that")


def _set_fields(options: Any, given: Mapping[str, Any], allowed: Iterable[str], others: Iterable[str]) -> None:
    for name, value in given.items():
        if name in allowed:
            setattr(options, name, value)
        elif name in others:
            continue
        elif hasattr(options, name):
            raise InvalidUse(
                f"a backend may not set {name!r} of {type(options).__name__}, only {', '.join(sorted(allowed))}"
            )
        else:
            warnings.warn(
                f"{type(options).__name__} has no field {name!r}: ignored{did_you_mean(name, allowed)}",
                UserWarning,
                stacklevel=3,
            )


__all__ = ["BackendRep", "is_compatible", "prepare", "run", "run_model", "run_node", "supports_device"]
