"""Where models come from, and what happens when their files change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor

import sklort
from sklort.serving import Service
from sklort.serving.sources import sources
from tests.serving.conftest import Client


def saved(path: Path, value: float) -> Path:
    """A model that answers `value`, put into place as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    X = np.zeros((4, 2))
    fresh = path.with_suffix(".new")
    sklort.convert(DummyRegressor(strategy="constant", constant=value).fit(X, [1.0] * 4), X).save(fresh)
    os.replace(fresh, path)
    return path


def answer(client: Any, url: str) -> Any:
    found = client.post(f"{url}/predict", json={"rows": [[0, 0]]})
    return found.json()["outputs"]["predict"] if found.status_code == 200 else found.status_code


def service_of(client: Any) -> Service:
    found: Service = client.app
    return found


@pytest.fixture
def look(caplog: pytest.LogCaptureFixture) -> Any:
    """Two looks: the second finds what did not change since the first."""
    caplog.set_level("INFO", logger="sklort.serving")

    def twice(client: Any) -> bool:
        repository = service_of(client).repository
        return repository.look() or repository.look()

    return twice


def test_names(tmp_path: Path, serving: Client) -> None:
    one, two = saved(tmp_path / "one.onnx", 1), saved(tmp_path / "two.onnx", 2)
    client = serving([one, f"second={two}"])
    assert [answer(client, f"/models/{name}") for name in ("one", "second")] == [[1.0], [2.0]]
    assert answer(serving({"a": one}), "/models/a/versions/1") == [1.0]
    assert answer(serving(str(one)), "/models/one") == [1.0]


def test_folders(tmp_path: Path, serving: Client) -> None:
    for name, version in (("a", 1), ("a", 2), ("a", 10), ("b", 3)):
        saved(tmp_path / f"models/{name}/{version}/model.onnx", version)
    (tmp_path / "models/a/notes").mkdir()
    (tmp_path / "models/.hidden").mkdir()
    for models in (tmp_path / "models", [tmp_path / "models/a", f"b={tmp_path / 'models/b'}"]):
        client = serving(models)
        assert answer(client, "/models/a") == [10.0]  # the newest, by number
        assert [answer(client, f"/models/a/versions/{v}") for v in (1, 2, 10)] == [[1.0], [2.0], [10.0]]
        assert answer(client, "/models/b") == [3.0]
        assert client.get("/v2/models/a").json()["versions"] == ["1", "2", "10"]
        assert answer(client, "/models/b/versions/4") == 404


def test_what_cannot_be_served(tmp_path: Path, paths: dict[str, Path]) -> None:
    with pytest.raises(FileNotFoundError):
        sources(tmp_path / "none.onnx")
    with pytest.raises(FileNotFoundError):
        sources(["a=none.onnx"])
    with pytest.raises(ValueError, match="name=path gives another"):
        sources({"a b": paths["forest"]})
    with pytest.raises(ValueError, match="expected folders"):
        Service(tmp_path)
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(ValueError, match=r"\w"):
        Service(tmp_path / "empty.onnx")
    shutil.copy(paths["forest"], tmp_path / "forest.onnx")
    with pytest.raises(ValueError, match="are both 'forest'"):
        Service([paths["forest"], tmp_path / "forest.onnx"])
    content = bytearray(paths["forest"].read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "damaged.onnx").write_bytes(content)
    with pytest.raises(sklort.DamagedModel):
        Service(tmp_path / "damaged.onnx")


def test_a_changed_file_is_loaded(tmp_path: Path, serving: Client, look: Any) -> None:
    path = saved(tmp_path / "m.onnx", 1)
    client = serving(path)
    assert not look(client)
    saved(path, 2)
    assert answer(client, "/models/m") == [1.0]  # until it is looked at
    assert look(client)
    assert answer(client, "/models/m") == [2.0]
    assert not look(client)
    assert 'sklort_reloads_total{model="m",result="loaded"} 1.0' in client.get("/metrics").text


def test_a_broken_file_is_told_and_the_model_before_it_goes_on(
    tmp_path: Path, serving: Client, look: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = saved(tmp_path / "m.onnx", 1)
    client = serving(path)
    whole = path.read_bytes()
    for broken in (whole[:-10], b"hello", b""):
        caplog.clear()
        path.write_bytes(broken)
        assert not look(client)
        assert answer(client, "/models/m") == [1.0]
        (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
        assert record.__dict__["model"] == "m"
        assert record.__dict__["reason"]
        caplog.clear()
        assert not look(client)
        assert caplog.records == []  # it is told once
    path.unlink()
    assert not look(client)
    assert len(caplog.records) == 1
    assert not look(client)
    assert len(caplog.records) == 1
    assert answer(client, "/models/m") == [1.0]
    saved(path, 3)
    assert look(client)
    assert answer(client, "/models/m") == [3.0]


def test_a_file_that_is_being_written_is_not_read(tmp_path: Path, serving: Client) -> None:
    path = saved(tmp_path / "m.onnx", 1)
    client = serving(path)
    repository = service_of(client).repository
    whole = saved(tmp_path / "other.onnx", 2).read_bytes()
    for end in (10, 200, len(whole)):
        path.write_bytes(whole[:end])
        assert not repository.look()
    assert repository.look()
    assert answer(client, "/models/m") == [2.0]


def test_versions_come_and_go(tmp_path: Path, serving: Client, look: Any) -> None:
    saved(tmp_path / "m/1/model.onnx", 1)
    client = serving(tmp_path / "m")
    saved(tmp_path / "m/2/model.onnx", 2)
    assert look(client)
    assert answer(client, "/models/m") == [2.0]
    assert answer(client, "/models/m/versions/1") == [1.0]
    shutil.rmtree(tmp_path / "m/2")
    assert look(client)
    assert answer(client, "/models/m") == [1.0]
    assert answer(client, "/models/m/versions/2") == 404
    shutil.rmtree(tmp_path / "m/1")  # the last one goes on
    look(client)
    assert answer(client, "/models/m") == [1.0]


def test_a_model_may_change_its_inputs(tmp_path: Path, serving: Client, look: Any, paths: dict[str, Path]) -> None:
    path = saved(tmp_path / "m.onnx", 1)
    client = serving(path)
    shutil.copy(paths["forest"], path)
    assert look(client)
    assert answer(client, "/models/m") == 400
    assert client.get("/v2/models/m").json()["inputs"][0]["shape"] == [-1, 6]
