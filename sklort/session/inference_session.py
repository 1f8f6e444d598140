"""onnxruntime's face over the compiler: load, check, optimise, plan, compile, run."""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sklort.exceptions import EPFail, InvalidArgument, UnsupportedValue
from sklort.graph.ir import Array, Model
from sklort.graph.load import load
from sklort.graph.save import to_bytes
from sklort.graph.shrink import shrink
from sklort.providers.cpu import CpuProvider, entered_by, give_memory_back, tuning
from sklort.providers.part import Runner
from sklort.providers.placement import on_device, to_host
from sklort.session.arguments import Chosen, choose_providers
from sklort.session.background import CREW, tell
from sklort.session.device import OrtMemoryInfo, cpu_memory
from sklort.session.explain import AssignedSubgraph, Explanation, assigned
from sklort.session.io_binding import IOBinding
from sklort.session.logs import VERBOSE, Log
from sklort.session.nearest import did_you_mean
from sklort.session.node_arg import ModelMetadata, NodeArg
from sklort.session.optimised import save_optimised
from sklort.session.options import SessionOptions
from sklort.session.ort_value import OrtValue
from sklort.session.profiling import Profiler, end_quietly
from sklort.session.programs import Compiled, Programs, passes_of
from sklort.session.run_options import RunOptions, check_options
from sklort.session.values import FeedReader
from sklort.session.watched import run_watched

if TYPE_CHECKING:
    from typing_extensions import Self

_ARGUMENTS = ("sess_options", "providers", "provider_options")
_KEYWORDS = ("enable_fallback", "read_config_from_model", "disabled_optimizers")


class InferenceSession:
    """Run an ONNX model.

    Parameters
    ----------
    path_or_bytes : str, os.PathLike, bytes, bytearray, memoryview, binary file object or onnx.ModelProto
    sess_options : SessionOptions, optional
    providers : sequence of str or (str, dict), optional
        In order of preference. The CPU provider always follows, and behind it the reference provider, which runs any
        ONNX operator, slowly.
    provider_options : sequence of dict, optional
        One for each of `providers`.
    **kwargs
        ``enable_fallback``, ``read_config_from_model`` (accepted, without effect) and ``disabled_optimizers``, an
        iterable of names of graph passes.

    Raises
    ------
    NoSuchFile, InvalidProtobuf, InvalidArgument, InvalidGraph, Fail
        The model; see `sklort.graph.load`.
    NotImplemented
        A node that nobody can run.
    """

    __slots__ = ("__dict__", "__weakref__", "_entrance")

    def __init__(
        self,
        path_or_bytes: Any,
        sess_options: SessionOptions | None = None,
        providers: Sequence[Any] | None = None,
        provider_options: Sequence[Mapping[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        if sess_options and not isinstance(sess_options, SessionOptions):
            raise TypeError(f"sess_options must be a sklort.SessionOptions, got {type(sess_options).__name__}")
        for keyword in kwargs:
            if keyword not in _KEYWORDS:
                hint = did_you_mean(keyword, [*_ARGUMENTS, *_KEYWORDS])
                warnings.warn(f"InferenceSession has no option {keyword!r}: ignored{hint}", UserWarning, stacklevel=2)
        self._options = options = copy(sess_options) if sess_options else SessionOptions()
        self._disabled = frozenset(kwargs.get("disabled_optimizers") or ())
        self._fallback = bool(kwargs.get("enable_fallback", True))
        self._log = Log(options.log_severity_level, options.logid)
        chosen = choose_providers(providers, provider_options, options, strict=not self._fallback)
        self._profiler = Profiler(options.profile_file_prefix) if options.enable_profiling else None
        if self._profiler is not None:
            weakref.finalize(self, end_quietly, self._profiler)
        from_file = isinstance(path_or_bytes, (str, os.PathLike))
        with self._span("model_loading_uri" if from_file else "model_loading_array"):
            self._load(path_or_bytes, chosen)
        with self._span("session_initialization"):
            self._start(chosen)

    def _load(self, source: Any, chosen: Chosen) -> None:
        self._options.check_format()
        native = next((each for each in chosen.providers if isinstance(each, CpuProvider)), None)
        self._model: Model = load(source, native.operators if native else (), self._options.overrides)
        graph = self._model.graph
        self._inputs = [NodeArg.of(value) for value in graph.inputs]
        self._outputs = [NodeArg.of(value) for value in graph.outputs]
        self._overridable = [NodeArg.of(value) for value in self._model.overridable]
        self._output_names = tuple(value.name for value in graph.outputs)
        self._strict = self._options.has_entry("sklort.strict_strings", "1")
        self._feed = FeedReader(graph.inputs, self._model.overridable, strict_strings=self._strict)

    def _start(self, chosen: Chosen) -> None:
        self._passes = passes_of(self._options.graph_optimization_level, self._disabled)
        if self._options.optimized_model_filepath:
            save_optimised(self._model, self._options.optimized_model_filepath, self._passes)
        self._changing = threading.Lock()
        self._use(Programs(self._model, chosen, self._passes, self._feed.equal_sizes))
        if shrink(self._model):
            give_memory_back()

    def _use(self, programs: Programs) -> None:
        self._programs = programs
        self._feed.adopt = programs.adopt
        self._entrance = None if self._profiler else self._short_way(programs)
        programs.tell(self._log)

    def _short_way(self, programs: Programs) -> Any:
        return None if self._strict or self._log.says(VERBOSE) else programs.entrance

    def _span(self, name: str) -> AbstractContextManager[None]:
        return self._profiler.span(name) if self._profiler else nullcontext()

    @entered_by("_entrance")
    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], run_options: Any = None
    ) -> list[Any]:
        """Compute outputs.

        Parameters
        ----------
        output_names : sequence of str or None
            Which outputs, in which order; None or empty for all. What they do not need is not computed.
        input_feed : dict of str to value
            Arrays (any layout and byte order, of the declared dtype), lists, dicts for maps; with the CUDA provider
            also arrays on its GPU: of CuPy, torch, or any with ``__cuda_array_interface__`` or DLPack.
        run_options : optional

        Returns
        -------
        list
            An ndarray for a tensor, a list for a sequence, a dict for a map. Fresh memory. Where an input lies on a
            GPU, a tensor of numbers is a CuPy array there.

        Raises
        ------
        ValueError, InvalidArgument, UnsupportedValue
            The feed; see `sklort.session.values.FeedReader`.
        InvalidArgument
            An output that the model does not have.
        SessionError
            A node failed; the message names it.
        """
        return self._run(output_names, input_feed, run_options)

    def _run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        options: RunOptions | None,
        into: list[Array | None] | None = None,
    ) -> list[Any]:
        try:
            return self._execute(*self._prepare(output_names, input_feed), options, into)
        except EPFail:
            if not self._fallback:
                raise
            self.set_providers(["CPUExecutionProvider"])
            return self._execute(*self._prepare(output_names, input_feed), options, into)

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        callback: Callable[[list[Any], Any, str], Any],
        user_data: Any,
        run_options: RunOptions | None = None,
    ) -> None:
        """Begin a run, and return.

        Parameters
        ----------
        output_names, input_feed, run_options
            As `run` takes them. The arrays must not change before the run has ended.
        callback : callable
            Called on another thread with the results, `user_data` and an empty text; or, when the run failed, with an
            empty list, `user_data` and what the error says. What it raises is reported through `sys.unraisablehook`.
        user_data : object

        Raises
        ------
        ValueError, TypeError, UnsupportedValue
            Inputs are missing, or something is of a kind that is never taken. Other faults go to `callback`.
        """
        if not callable(callback):
            raise TypeError(f"callback must be callable, got {type(callback).__name__}")
        check_options(run_options)
        failure, compute = "", cast("Callable[[], list[Any]]", list)
        try:
            compute = partial(self._execute, *self._prepare(output_names, input_feed), run_options)
        except UnsupportedValue:
            raise
        except InvalidArgument as error:
            failure = error.text
        CREW.do(partial(tell, compute, failure, callback, user_data))

    def _prepare(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any]) -> tuple[Compiled, list[Any]]:
        """The program of a call, and its inputs in order."""
        programs = self._programs
        compiled = programs.get(self._names(output_names)) if output_names else programs.all
        values = self._feed.read(input_feed)
        if self._overridable:
            fed = frozenset(arg.name for arg in self._overridable if arg.name in values)
            if fed:
                compiled = programs.get(self._names(output_names) if output_names else self._output_names, fed)
        return compiled, [values[port.name] for port in compiled.plan.inputs]

    def _execute(
        self,
        compiled: Compiled,
        values: list[Any],
        options: RunOptions | None,
        into: list[Array | None] | None = None,
    ) -> list[Any]:
        check_options(options)
        adopt = self._feed.adopt
        if adopt is not None and any(map(on_device, values)):
            return self._execute_there(adopt, compiled, values, options, into)
        return self._execute_here(compiled, values, options, into)

    def _execute_there(
        self,
        adopt: Callable[[Any], Any],
        compiled: Compiled,
        values: list[Any],
        options: RunOptions | None,
        into: list[Array | None] | None,
    ) -> list[Any]:
        """Where an input lies on a GPU, outputs of numbers do, whoever computed them."""
        if not compiled.on_device:
            values = [to_host(value) for value in values]
        found = self._execute_here(compiled, values, options, into)
        return [adopt(each) if isinstance(each, np.ndarray) and each.dtype.kind in "biuf" else each for each in found]

    def _execute_here(
        self,
        compiled: Compiled,
        values: list[Any],
        options: RunOptions | None,
        into: list[Array | None] | None,
    ) -> list[Any]:
        if options is None and self._profiler is None and not self._log.says(VERBOSE):
            return compiled.runner.run(values, None, None, into)
        return run_watched(compiled, values, options, self._profiler, self._log, into)

    def run_with_ort_values(
        self, output_names: Sequence[str] | None, input_dict_ort_values: Mapping[str, Any], run_options: Any = None
    ) -> list[OrtValue]:
        """`run` with OrtValues; what it returns is each output as one. Arrays may be fed too."""
        feed: Any = input_dict_ort_values
        if isinstance(feed, dict):  # plain arrays take the short way
            feed = {name: value.held if isinstance(value, OrtValue) else value for name, value in feed.items()}
        found = self.run(output_names, feed, run_options)
        kinds = {arg.name: arg.type for arg in self._outputs}
        return [OrtValue(value, kinds[name]) for name, value in zip(output_names or self._output_names, found)]

    def io_binding(self) -> IOBinding:
        """Inputs and outputs to bind, for `run_with_iobinding`."""
        return IOBinding(self)

    def run_with_iobinding(self, iobinding: IOBinding, run_options: Any = None) -> None:
        """Read the inputs and write the outputs that are bound; see `IOBinding`."""
        if not isinstance(iobinding, IOBinding):
            raise TypeError(f"expected an IOBinding, got {type(iobinding).__name__}; io_binding() makes one")
        iobinding.run(self, run_options)

    def compiled(self, output_names: Sequence[str] | None = None) -> Runner:
        """The program for these outputs and nothing else, made once.

        Its ``run(values)`` takes one value for each of `get_inputs()`, without the checks of names and with terser
        errors than `InferenceSession.run`; its ``fast(X)`` answers None for anything but the one array it is made for.
        """
        return self._programs.get(self._names(output_names) if output_names else self._output_names).runner

    def tune(self, input_feed: Mapping[str, Any]) -> Explanation:
        """Run on these inputs with every engine there is for ensembles of trees, and keep the fastest.

        The choice holds for batches of about as many rows, in this session, until it is made again; answers do not
        depend on it. Without `tune` the engine is chosen by prediction: from the trees, the rows and the processor.

        Parameters
        ----------
        input_feed : dict of str to value
            As `run` takes it: typical rows, and as many as are typical.

        Returns
        -------
        Explanation
            Where the choices stand.
        """
        with tuning():
            self.run(None, input_feed)
        return self.explain()

    def explain(self, output_names: Sequence[str] | None = None) -> Explanation:
        """Which provider runs which node, how, and why the ones before it refused. Prints as a table."""
        return self._programs.explain(self._names(output_names) if output_names else self._output_names)

    def get_inputs(self) -> list[NodeArg]:
        """The inputs that must be fed."""
        return self._inputs

    def get_outputs(self) -> list[NodeArg]:
        """The outputs, in the order in which `run` returns them."""
        return self._outputs

    def get_input_memory_infos(self) -> list[OrtMemoryInfo]:
        """Where each input is read: main memory."""
        return [cpu_memory() for _ in self._inputs]

    def get_output_memory_infos(self) -> list[OrtMemoryInfo]:
        """Where each output is: main memory."""
        return [cpu_memory() for _ in self._outputs]

    def get_overridable_initializers(self) -> list[NodeArg]:
        """Initialisers that may be fed in place of their stored value."""
        return self._overridable

    def get_modelmeta(self) -> ModelMetadata:
        """Who made the model, and what they wrote into it."""
        return ModelMetadata.of(self._model)

    def get_providers(self) -> list[str]:
        """The chosen providers, in order of preference; the CPU provider is always among them."""
        return list(self._programs.chosen.options)

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        """The options of each provider, as strings."""
        return {name: dict(options) for name, options in self._programs.chosen.options.items()}

    def set_providers(
        self, providers: Sequence[Any] | None = None, provider_options: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        """Run on other providers from now on. Calls that are running end on the old ones.

        Raises
        ------
        InvalidUse, NotImplemented
            There is no such provider, or a node that nobody can run. The session stays as it was.
        """
        chosen = choose_providers(providers, provider_options, self._options, strict=True)
        with self._changing:
            self._use(Programs(self._model, chosen, self._passes, self._feed.equal_sizes))

    def enable_fallback(self) -> None:
        """Let a run be repeated on the CPU when a provider breaks down (`EPFail`); this is the default."""
        self._fallback = True

    def disable_fallback(self) -> None:
        """Let the error of a provider that breaks down be raised."""
        self._fallback = False

    def get_provider_graph_assignment_info(self) -> list[AssignedSubgraph]:
        """Which provider runs which nodes, after the passes.

        Raises
        ------
        Fail
            The session's options lack the entry ``session.record_ep_graph_assignment_info`` = ``1``.
        """
        return assigned(self._programs.all.plan, self._options)

    def get_session_options(self) -> SessionOptions:
        """A copy of the options this session was made with."""
        return copy(self._options)

    def get_profiling_start_time_ns(self) -> int:
        """When profiling began, in nanoseconds since 1970; 0 where it did not."""
        return self._profiler.start_ns if self._profiler else 0

    def end_profiling(self) -> str:
        """Write the profile and return the name of its file; an empty text where there is nothing to end."""
        profiler, self._profiler = self._profiler, None
        if profiler is None:
            return ""
        with self._changing:
            self._entrance = self._short_way(self._programs)
        return profiler.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        """A session travels as its model, saved as ONNX, and is made anew; what its options change is in the model."""
        settings = self._options.without_files(), self.get_provider_options(), self._disabled, self._fallback
        return _restore, (type(self), to_bytes(self._model), *settings)

    def _names(self, output_names: Any) -> tuple[str, ...]:
        if isinstance(output_names, str) or not isinstance(output_names, Sequence):
            raise TypeError(f"output_names must be a list of str or None, got {output_names!r}")
        for name in output_names:
            if not isinstance(name, str):
                raise TypeError(f"output_names must hold str, got {name!r}")
            if name not in self._output_names:
                raise InvalidArgument(
                    f"the model has no output {name!r}; it has {', '.join(map(repr, self._output_names))}"
                    f"{did_you_mean(name, self._output_names)}"
                )
        return tuple(output_names)


def _restore(
    kind: type[InferenceSession],
    model: bytes,
    options: SessionOptions,
    providers: dict[str, dict[str, str]],
    disabled: frozenset[str],
    fallback: bool,
) -> InferenceSession:
    return kind(model, options, list(providers.items()), disabled_optimizers=disabled, enable_fallback=fallback)
