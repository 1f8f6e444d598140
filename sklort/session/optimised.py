"""The model as it is after its passes, saved for other runtimes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sklort.exceptions import Fail, InvalidArgument
from sklort.exceptions import NotImplemented as NotImplementedHere
from sklort.graph.ir import Model
from sklort.graph.save import to_bytes, with_every_output
from sklort.passes.pipeline import BASIC, optimise
from sklort.passes.rule import Pass
from sklort.providers.reference import evaluate


def save_optimised(model: Model, path: str, passes: tuple[Pass, ...]) -> None:
    """Save `model` after those of the passes that keep to the model's own operators.

    Passes that fuse nodes are left out: what they make runs here and nowhere else.

    Raises
    ------
    InvalidArgument, Fail
        The file cannot be written.
    NotImplemented
        It is to be in the format of onnxruntime alone.
    """
    if path.endswith(".ort"):
        raise NotImplementedHere(f"{path!r}: models are saved as .onnx, not in the private .ort format of onnxruntime")
    # Who feeds an initialiser in place of its value expects it to be there.
    fed = {value.name: model.graph.constants[value.name] for value in model.overridable}
    constants = {name: array for name, array in model.graph.constants.items() if name not in fed}
    graph = replace(model.graph, inputs=model.graph.inputs + model.overridable, constants=constants)
    graph, _ = optimise(graph, evaluate, tuple(each for each in passes if each in BASIC))
    graph = replace(with_every_output(graph), inputs=model.graph.inputs, constants={**graph.constants, **fed})
    target = Path(path)
    try:
        target.write_bytes(to_bytes(replace(model, graph=graph)))
    except FileNotFoundError:
        raise InvalidArgument(
            f"cannot save the optimised model as {path!r}: there is no directory {str(target.parent)!r}"
        ) from None
    except OSError as error:
        raise Fail(f"cannot save the optimised model as {path!r}: {error.strerror or error}") from error
