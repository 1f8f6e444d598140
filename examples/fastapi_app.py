"""Models inside an existing FastAPI application: ``uvicorn examples.fastapi_app:app``.

The protocol's routes, rows, metrics and documentation appear under ``/scoring``; a file that changes is loaded anew.
"""

import os

from fastapi import FastAPI

from sklort.serving import Service

service = Service(os.environ.get("MODELS", "models"))  # a file, name=path, or a folder name/version/model.onnx
app = FastAPI(lifespan=service.lifespan)
app.mount("/scoring", service)


@app.get("/")
def models() -> dict[str, list[str]]:
    """An endpoint of the application itself."""
    return {"models": sorted(service.models.versions)}
