"""Everything that is asked rarely: health, what there is, metrics, the description of all that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sklort._version import __version__
from sklort.exceptions import BadRequest
from sklort.serving.meters import CONTENT_TYPE
from sklort.serving.openapi import document, page
from sklort.serving.repository import Served
from sklort.serving.route import refusal
from sklort.session.nearest import did_you_mean

if TYPE_CHECKING:
    from sklort.serving.service import Service

_SERVER = {"name": "sklort", "version": __version__, "extensions": ["binary_tensor_data"]}


class _Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def application(service: Service) -> Starlette:
    """The application behind the routes of the models."""
    pages = _Pages(service)
    version = "/versions/{version:str}"
    routes = [
        Route("/", pages.root),
        Route("/v2", pages.server),
        Route("/v2/health/live", pages.well),
        Route("/v2/health/ready", pages.well),
        *(Route(f"/v2/models/{{name:str}}{part}", pages.metadata) for part in ("", version)),
        *(Route(f"/v2/models/{{name:str}}{part}/ready", pages.ready) for part in ("", version)),
        *(Route(f"/v2/models/{{name:str}}{part}/infer", pages.nobody, methods=["POST"]) for part in ("", version)),
        Route("/models", pages.models),
        *(Route(f"/models/{{name:str}}{part}", pages.model) for part in ("", version)),
        *(Route(f"/models/{{name:str}}{part}/predict", pages.nobody, methods=["POST"]) for part in ("", version)),
        Route("/metrics", pages.metrics),
        Route("/openapi.json", pages.openapi),
        Route("/docs", pages.docs),
    ]
    handlers: dict[Any, Any] = {HTTPException: _refused, BadRequest: _refused}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=service.lifespan)


async def _refused(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        error = BadRequest(error.detail, status=error.status_code)
    assert isinstance(error, BadRequest)
    headers, body = refusal(error)
    return Response(body, error.status, {name.decode(): value.decode() for name, value in headers})


class _Pages:
    def __init__(self, service: Service) -> None:
        self._service = service

    def _find(self, request: Request) -> Served:
        name, version = request.path_params["name"], request.path_params.get("version")
        models = self._service.models
        if name not in models.versions:
            known = ", ".join(models.versions)
            raise BadRequest(
                f"there is no model {name!r}; there are: {known}{did_you_mean(name, models.versions)}", status=404
            )
        found = models.find(name, version)
        if found is None:
            known = ", ".join(models.versions[name])
            raise BadRequest(f"the model {name!r} has no version {version!r}; it has: {known}", status=404)
        return found

    async def root(self, request: Request) -> Response:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/docs")

    async def server(self, _: Request) -> Response:
        return _Json(_SERVER)

    async def well(self, _: Request) -> Response:
        return _Json({"live": True, "ready": True})

    async def nobody(self, request: Request) -> Response:
        """A path that no model answers."""
        self._find(request)
        raise HTTPException(404)

    async def metadata(self, request: Request) -> Response:
        one = self._find(request)
        return _Json(
            {
                "name": one.name,
                "versions": list(self._service.models.versions[one.name]),
                "platform": "onnx",
                "inputs": [port.as_json() for port in one.backend.inputs],
                "outputs": [port.as_json() for port in one.backend.outputs],
            }
        )

    async def ready(self, request: Request) -> Response:
        one = self._find(request)
        return _Json({"name": one.name, "ready": True})

    async def models(self, _: Request) -> Response:
        return _Json({"models": [_said(one) for one in self._service.models.all()]})

    async def model(self, request: Request) -> Response:
        return _Json(_said(self._find(request)))

    async def metrics(self, _: Request) -> Response:
        return Response(self._service.meters.text(), headers={"content-type": CONTENT_TYPE})

    async def openapi(self, request: Request) -> Response:
        return _Json(document(self._service.models.all(), request.scope.get("root_path", "")))

    async def docs(self, request: Request) -> Response:
        return HTMLResponse(page(document(self._service.models.all(), request.scope.get("root_path", ""))))


def _said(one: Served) -> dict[str, Any]:
    backend = one.backend
    said = {
        "name": one.name,
        "version": one.version,
        "columns": [
            {"name": column.name, "datatype": backend.inputs[column.port].datatype} for column in backend.columns
        ],
        "by_name": backend.named,
        "answers": list(backend.answers),
        "usual": list(backend.usual),
        **backend.about,
    }
    if backend.classes is not None:
        said["classes"] = orjson.loads(backend.classes)
    return said
