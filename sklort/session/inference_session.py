"""onnxruntime's face over the compiler: load, check, optimise, plan, compile, run."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sklort.exceptions import InvalidArgument
from sklort.graph.ir import Model
from sklort.graph.load import load
from sklort.graph.save import to_bytes
from sklort.graph.shrink import shrink
from sklort.passes.pipeline import PIPELINE, REQUIRED
from sklort.plan.build import compile_plan, make_plan
from sklort.plan.model import Plan
from sklort.providers.cpu import CpuProvider, entered_by, give_memory_back, is_program, make_entrance, tuning
from sklort.providers.part import Provider, Runner
from sklort.providers.reference import evaluate
from sklort.session.arguments import choose_providers
from sklort.session.device import OrtMemoryInfo, cpu_memory
from sklort.session.explain import ExplainedNode, Explanation
from sklort.session.io_binding import IOBinding
from sklort.session.nearest import did_you_mean
from sklort.session.node_arg import ModelMetadata, NodeArg
from sklort.session.options import GraphOptimizationLevel, SessionOptions
from sklort.session.ort_value import OrtValue
from sklort.session.values import FeedReader

if TYPE_CHECKING:
    from typing_extensions import Self

_KEYWORDS = ("enable_fallback", "read_config_from_model", "disabled_optimizers")


@dataclass(frozen=True)
class _Compiled:
    """A plan with its runner."""

    plan: Plan
    runner: Runner


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
                close = get_close_matches(keyword, ["sess_options", "providers", "provider_options", *_KEYWORDS], n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                warnings.warn(f"InferenceSession has no option {keyword!r}: ignored{hint}", UserWarning, stacklevel=2)
        self._options = copy(sess_options) if sess_options else SessionOptions()
        self._disabled = frozenset(kwargs.get("disabled_optimizers") or ())
        chosen = choose_providers(providers, provider_options, self._options)
        self._start(path_or_bytes, chosen.providers, chosen.options)

    def _start(self, source: Any, providers: tuple[Provider, ...], options: dict[str, dict[str, str]]) -> None:
        self._providers = providers
        self._provider_options = options
        native = next((provider for provider in providers if isinstance(provider, CpuProvider)), None)
        self._model: Model = load(source, native.operators if native else ())
        graph = self._model.graph
        self._inputs = [NodeArg.of(value) for value in graph.inputs]
        self._outputs = [NodeArg.of(value) for value in graph.outputs]
        self._overridable = [NodeArg.of(value) for value in self._model.overridable]
        self._output_names = tuple(value.name for value in graph.outputs)
        self._feed = FeedReader(graph.inputs, self._model.overridable)
        self._entrance = make_entrance([value.name for value in graph.inputs], self._feed.equal_sizes)
        self._lock = threading.Lock()
        self._programs: dict[tuple[tuple[str, ...], frozenset[str]], _Compiled] = {}
        self._all = self._compile(self._output_names)
        if shrink(self._model):
            give_memory_back()

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
            Arrays (any layout and byte order, of the declared dtype), lists, dicts for maps.
        run_options : optional

        Returns
        -------
        list
            An ndarray for a tensor, a list for a sequence, a dict for a map. Fresh memory.

        Raises
        ------
        ValueError, InvalidArgument, UnsupportedValue
            The feed; see `sklort.session.values.FeedReader`.
        InvalidArgument
            An output that the model does not have.
        SessionError
            A node failed; the message names it.
        """
        compiled = self._all if not output_names else self._compile(self._names(output_names))
        values = self._feed.read(input_feed)
        if self._overridable:
            fed = frozenset(arg.name for arg in self._overridable if arg.name in values)
            if fed:
                compiled = self._compile(self._names(output_names) if output_names else self._output_names, fed)
        return compiled.runner.run([values[port.name] for port in compiled.plan.inputs])

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
        return self._compile(self._names(output_names) if output_names else self._output_names).runner

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
        compiled = self._compile(self._names(output_names) if output_names else self._output_names)
        steps = [step.node for placed in compiled.plan.parts for step in placed.part.steps]
        details = {
            id(node): line.removeprefix(node.label).removeprefix(": ")
            for node, line in zip(steps, compiled.runner.explain())
        }
        nodes = tuple(
            ExplainedNode(each.node.label, each.provider, details[id(each.node)], each.refusals)
            for each in compiled.plan.assignments
        )
        kept = tuple(f"{each.rule}: {each.node.label}: {each.reason}" for each in compiled.plan.refusals)
        return Explanation(nodes, kept)

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
        return list(self._provider_options)

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        """The options of each provider, as strings."""
        return {name: dict(options) for name, options in self._provider_options.items()}

    def get_session_options(self) -> SessionOptions:
        """A copy of the options this session was made with."""
        return copy(self._options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        """A session travels as its model, saved as ONNX, and is made anew."""
        return _restore, (type(self), to_bytes(self._model), self._options, self._provider_options, self._disabled)

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

    def _compile(self, names: tuple[str, ...], fed: frozenset[str] = frozenset()) -> _Compiled:
        """Plan and compile `names` once; `fed` initialisers become inputs."""
        key = (names, fed)
        found = self._programs.get(key)
        if found is not None:
            return found
        with self._lock:
            if key not in self._programs:
                self._programs[key] = compiled = self._build(names, fed)
                if self._entrance is not None and not fed and is_program(compiled.runner):
                    self._entrance.add(names, compiled.runner)
            return self._programs[key]

    def _build(self, names: tuple[str, ...], fed: frozenset[str]) -> _Compiled:
        graph = self._model.graph
        if fed:
            extra = tuple(value for value in self._model.overridable if value.name in fed)
            constants = {name: array for name, array in graph.constants.items() if name not in fed}
            graph = replace(graph, inputs=graph.inputs + extra, constants=constants)
        optimised = self._options.graph_optimization_level != GraphOptimizationLevel.ORT_DISABLE_ALL
        passes = tuple(each for each in PIPELINE if each.name not in self._disabled) if optimised else REQUIRED
        plan = make_plan(graph, self._providers, names, evaluate, passes)
        return _Compiled(plan, compile_plan(plan, self._providers))


def _restore(
    kind: type[InferenceSession],
    model: bytes,
    options: SessionOptions,
    providers: dict[str, dict[str, str]],
    disabled: frozenset[str],
) -> InferenceSession:
    return kind(model, options, list(providers.items()), disabled_optimizers=disabled)
