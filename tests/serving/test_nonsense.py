"""Requests with something changed at random: each is answered or refused, none is our failure, and none changes another."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from sklort.exceptions import BadRequest
from sklort.serving.infer import Infer
from sklort.serving.limits import Limits
from sklort.serving.model import load
from sklort.serving.rows import Rows
from tests.serving.conftest import Fitted, records, tensor

ODD = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    2**63,
    10**30,
    "",
    "x",
    "1",
    "\x00",
    "é",
    [],
    {},
    [[]],
    [None],
    {"a": 1},
    [[1], [2]],
]


def places(node: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    found = [here] if here else []
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        found += places(value, (*here, key))
    return found


def changed(document: Any, dice: random.Random) -> Any:
    """A copy in which a value is another one, is gone, is there twice, or has a stranger beside it."""
    document = copy.deepcopy(document)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        paths = places(document)
        if not paths:
            return document
        path = dice.choice(paths)
        node = document
        for key in path[:-1]:
            node = node[key]
        match dice.randrange(5):
            case 0 | 1:
                node[path[-1]] = copy.deepcopy(dice.choice(ODD))
            case 2:
                del node[path[-1]]
            case 3 if isinstance(node, list):
                node.append(copy.deepcopy(node[path[-1]]))
            case _ if isinstance(node, dict):
                node[dice.choice(["x", "data", "rows", "parameters", "binary_data_size"])] = copy.deepcopy(
                    dice.choice(ODD)
                )
    return document


def requests(fitted: dict[str, Fitted]) -> list[tuple[str, Any]]:
    frame, X = fitted["people"].X, fitted["forest"].X
    columns = [
        tensor("age", frame[["age"]][:2].to_numpy(), "INT64"),
        tensor("income", frame[["income"]][:2].to_numpy(), "FP64"),
        tensor("city", frame[["city"]][:2].to_numpy(), "BYTES"),
        tensor("married", frame[["married"]][:2].to_numpy(), "BOOL"),
    ]
    one = [{**each, "shape": [1, 1], "data": each["data"][:1]} for each in columns]
    used = frame[["age", "income", "city", "married"]]
    return [
        ("/v2/models/people/infer", {"inputs": columns, "outputs": [{"name": "label"}], "id": "a"}),
        ("/v2/models/people/infer", {"inputs": one}),
        ("/v2/models/forest/infer", {"inputs": [tensor("X", X[:1], "FP64")], "outputs": [{"name": "probabilities"}]}),
        ("/v2/models/short/infer", {"inputs": [tensor("X", X[:1], "FP32")]}),
        ("/models/people/predict", {"rows": records(used[:1])}),
        ("/models/people/predict", {"rows": records(frame[:2]), "outputs": ["predict", "predict_proba"]}),
        ("/models/people/predict", {"columns": used[:2].to_dict("list")}),
        ("/models/forest/predict", {"rows": X[:1].tolist()}),
        ("/models/boosting/predict", {"rows": X[:2].tolist()}),
        ("/models/texts/predict", {"rows": ["good film"]}),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_changed_documents(client: TestClient, fitted: dict[str, Fitted], seed: int) -> None:
    dice = random.Random(seed)
    good = requests(fitted)
    expected = [client.post(url, json=body).content for url, body in good]
    statuses: dict[int, int] = {}
    for _ in range(20):
        for (url, body), answer in zip(good, expected):
            wrong = json.dumps(changed(body, dice))
            found = client.post(url, content=wrong)
            statuses[found.status_code] = statuses.get(found.status_code, 0) + 1
            assert found.status_code < 500, (url, wrong, found.text)
            assert found.status_code == 200 or found.json()["error"], (url, wrong)
            assert client.post(url, json=body).content == answer
    assert statuses[200] > 5
    assert statuses[400] > 50


@pytest.mark.parametrize("seed", range(2))
def test_changed_bytes(client: TestClient, fitted: dict[str, Fitted], seed: int) -> None:
    dice = random.Random(seed)
    texts = b"".join(len(one).to_bytes(4, "little") + one for one in (b"Paris", b"Rome"))
    inputs = [
        {"name": name, "shape": [2, 1], "datatype": kind, "parameters": {"binary_data_size": size}}
        for name, kind, size in (
            ("age", "INT64", 16),
            ("income", "FP64", 16),
            ("city", "BYTES", len(texts)),
            ("married", "BOOL", 2),
        )
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    frame = fitted["people"].X
    tail = frame["age"][:2].to_numpy().tobytes() + frame["income"][:2].to_numpy().tobytes() + texts + b"\0\1"

    def post(content: bytes, length: int) -> Any:
        said = {"Inference-Header-Content-Length": str(length)}
        return client.post("/v2/models/people/infer", content=content, headers=said)

    assert post(head + tail, len(head)).status_code == 200
    for _ in range(300):
        content, length = bytearray(head + tail), len(head)
        match dice.randrange(4):
            case 0:
                content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
            case 1:
                del content[dice.randrange(len(content)) :]
            case 2:
                at = dice.randrange(len(content))
                content[at:at] = dice.randbytes(dice.randrange(1, 9))
            case _:
                length += dice.randrange(-20, 20)
        found = post(bytes(content), length)
        assert found.status_code < 500, (bytes(content), length, found.text)


@pytest.mark.parametrize("seed", range(3))
def test_the_short_road_leads_where_the_careful_one_does(fitted: dict[str, Fitted], seed: int) -> None:
    """What the short road takes, the careful one takes too, and reads the same values."""
    dice = random.Random(seed)
    codecs: dict[str, Any] = {}
    short = 0
    for url, document in requests(fitted):
        _, *_, name, way = url.split("/")
        kind = Infer if way == "infer" else Rows
        codec = codecs.setdefault(url, kind(load(fitted[name].path), name, "1", Limits()))
        for turn in range(60):
            body = json.dumps(document if turn == 0 else changed(document, dice)).encode()
            try:
                call = codec.read(body, [])
                if call.passing:
                    codec.check(call.values)
            except BadRequest:
                with pytest.raises(BadRequest):
                    codec._read(body, [])
                continue
            careful = codec._read(body, [])
            assert careful.rows == call.rows
            assert careful.wanted.shown == call.wanted.shown
            assert careful.note == call.note
            for mine, theirs in zip(call.values, careful.values, strict=True):
                assert mine.dtype == theirs.dtype
                np.testing.assert_array_equal(mine, theirs)
            short += call.passing
    assert short > 30
