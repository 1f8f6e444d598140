"""The description of the service: OpenAPI, with the columns of each model, and a page of it without any script."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import orjson

from sklort._version import __version__
from sklort.serving.model import Backend, Column
from sklort.serving.repository import Served
from sklort.serving.tensors import Port

_KINDS = {"f": ["number", "null"], "i": "integer", "u": "integer", "b": "boolean", "O": "string"}
_SAMPLES: dict[str, Any] = {"f": 0.5, "i": 1, "u": 1, "b": True, "O": "text"}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "field": {"type": "string", "description": "What of the request is wrong."},
    },
    "required": ["error"],
}


def document(models: Iterable[Served], root: str = "") -> dict[str, Any]:
    """The OpenAPI document of a service.

    Parameters
    ----------
    models : iterable of Served
    root : str
        The path under which the service is mounted.
    """
    paths: dict[str, Any] = {
        "/v2": _get("Server metadata", "Open Inference Protocol"),
        "/v2/health/live": _get("Whether the server lives", "Open Inference Protocol"),
        "/v2/health/ready": _get("Whether all models are loaded", "Open Inference Protocol"),
        "/models": _get("All models: columns and answers", "Rows"),
        "/metrics": _get("Prometheus metrics", "Operation", "text/plain"),
    }
    for one in models:
        tensors = f"/v2/models/{one.name}/versions/{one.version}"
        rows = f"/models/{one.name}/versions/{one.version}"
        paths[tensors] = _get(f"Metadata of {one.name}", "Open Inference Protocol")
        paths[f"{tensors}/ready"] = _get(f"Whether {one.name} is ready", "Open Inference Protocol")
        paths[f"{tensors}/infer"] = _post(f"Infer with {one.name}", "Open Inference Protocol", *_tensors(one.backend))
        paths[rows] = _get(f"Columns and answers of {one.name}", "Rows")
        if one.backend.columns:
            paths[f"{rows}/predict"] = _post(f"Predict rows with {one.name}", "Rows", *_rows(one.backend))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sklort",
            "version": __version__,
            "description": "Paths without /versions/<version> lead to the newest version of a model.",
        },
        "servers": [{"url": root or "/"}],
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR}},
    }


def _get(summary: str, tag: str, kind: str = "application/json") -> dict[str, Any]:
    return {
        "get": {"summary": summary, "tags": [tag], "responses": {"200": {"description": "OK", "content": {kind: {}}}}}
    }


def _post(summary: str, tag: str, schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    wrong = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refusals = {"4XX": "The request is wrong; the error names the field", "5XX": "The server failed"}
    return {
        "post": {
            "summary": summary,
            "tags": [tag],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}},
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {}}},
                **{status: {"description": said, "content": wrong} for status, said in refusals.items()},
            },
        }
    }


def _cell(backend: Backend, column: Column) -> tuple[dict[str, Any], Any]:
    """The schema of one value, and such a value."""
    kind = backend.inputs[column.port].dtype.kind
    if column.width == 1:
        return {"type": _KINDS[kind]}, _SAMPLES[kind]
    schema = {"type": "array", "items": {"type": _KINDS[kind]}, "minItems": column.width, "maxItems": column.width}
    return schema, [_SAMPLES[kind]] * column.width


def _rows(backend: Backend) -> tuple[dict[str, Any], dict[str, Any]]:
    cells = {column.name: _cell(backend, column) for column in backend.columns}
    outputs = {"type": "array", "items": {"enum": list(backend.answers)}, "default": list(backend.usual)}
    if backend.named:
        row: dict[str, Any] = {
            "type": "object",
            "properties": {name: schema for name, (schema, _) in cells.items()},
            "required": list(cells),
            "additionalProperties": backend.extra,
        }
        sample: Any = {name: value for name, (_, value) in cells.items()}
        columns = {
            "type": "object",
            "properties": {name: {"type": "array", "items": schema} for name, (schema, _) in cells.items()},
            "required": list(cells),
        }
        table = {"oneOf": [{"required": ["rows"]}, {"required": ["columns"]}]}
        properties = {"rows": {"type": "array", "items": row, "minItems": 1}, "columns": columns, "outputs": outputs}
        return {"type": "object", "properties": properties, **table}, {"rows": [sample]}
    row = {
        "type": "array",
        "prefixItems": [schema for schema, _ in cells.values()],
        "minItems": len(cells),
        "maxItems": len(cells),
    }
    properties = {"rows": {"type": "array", "items": row, "minItems": 1}, "outputs": outputs}
    return {"type": "object", "properties": properties, "required": ["rows"]}, {
        "rows": [[value for _, value in cells.values()]]
    }


def _tensors(backend: Backend) -> tuple[dict[str, Any], dict[str, Any]]:
    tensor = {
        "type": "object",
        "properties": {
            "name": {"enum": [port.name for port in backend.inputs]},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "datatype": {"enum": sorted({port.datatype for port in backend.inputs})},
            "data": {"type": "array"},
            "parameters": {"type": "object"},
        },
        "required": ["name", "shape", "datatype"],
    }
    output = {
        "type": "object",
        "properties": {"name": {"enum": [port.name for port in backend.outputs]}, "parameters": {"type": "object"}},
        "required": ["name"],
    }
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": tensor},
            "outputs": {"type": "array", "items": output},
            "parameters": {"type": "object"},
        },
        "required": ["inputs"],
    }
    return schema, {"inputs": [_tensor(port) for port in backend.inputs]}


def _tensor(port: Port) -> dict[str, Any]:
    shape = [max(size, 1) for size in port.shape]
    count = 1
    for size in shape:
        count *= size
    return {"name": port.name, "shape": shape, "datatype": port.datatype, "data": [_SAMPLES[port.dtype.kind]] * count}


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
summary { cursor: pointer; padding: .35rem 0; } code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: #f5f5f5; padding: .75rem; overflow: auto; }
.method { display: inline-block; width: 3.2rem; font-weight: 600; }
""".strip()


def page(described: dict[str, Any]) -> str:
    """The document as a page for people."""
    parts = [
        f"<h1>sklort {escape(described['info']['version'])}</h1>",
        f"<p>{escape(described['info']['description'])} ",
    ]
    parts.append('The same for programs: <a href="openapi.json">openapi.json</a>.</p>')
    tags: dict[str, list[str]] = {}
    root = described["servers"][0]["url"].rstrip("/")
    for path, methods in described["paths"].items():
        for method, about in methods.items():
            tags.setdefault(about["tags"][0], []).append(_entry(root + path, method, about))
    for tag, entries in tags.items():
        parts += [f"<h2>{escape(tag)}</h2>", *entries]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>sklort</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _entry(path: str, method: str, about: dict[str, Any]) -> str:
    head = f'<span class="method">{method.upper()}</span><code>{escape(path)}</code> {escape(about["summary"])}'
    if method == "get":
        return f'<p><a href="{escape(path)}" style="color:inherit;text-decoration:none">{head}</a></p>'
    content = about["requestBody"]["content"]["application/json"]
    parts = []
    for title, shown in (("Example", content["example"]), ("Schema", content["schema"])):
        text = orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode()
        parts.append(f"<p>{title}</p><pre>{escape(text)}</pre>")
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"
