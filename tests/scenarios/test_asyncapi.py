"""docs/asyncapi.json is the protocol: by the parser of that project, and by the vectors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgpack
import msgspec
import pytest

from node.protocol.psp.trace import Cleared, SaleSettled
from node.protocol.topics import Control, TraceOf
from node.protocol.trace import Record
from node.runtime.mqtt.host import TraceBatch
from scenarios.asyncapi import PARAMETERS, TOPICS, document
from scenarios.markets.registry import kinds
from tests.mqtt.foreign_node import script

DOCS = Path(__file__).parents[2] / "docs"
PUBLISHED = json.loads((DOCS / "asyncapi.json").read_text(encoding="utf-8"))

BEYOND_JSON = {"quantity not a number", "row not a number", "round as float", "digest as text"}
"""JSON has no NaN and no bytes, and to its schemas 3.0 is an integer."""


def vectors(name: str) -> Any:
    return json.loads((DOCS / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


def as_json(value: Any) -> Any:
    """What the document's schemas are about: of a bin, each byte is a character."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return [as_json(one) for one in value] if isinstance(value, list) else value


def is_valid(data: bytes, schema: dict[str, Any]) -> bool:
    whole = {"components": PUBLISHED["components"], "allOf": [schema]}
    return bool(jsonschema.Draft7Validator(whole).is_valid(as_json(msgpack.unpackb(data))))


def payload(message: str) -> dict[str, Any]:
    schema: dict[str, Any] = PUBLISHED["components"]["messages"][message]["payload"]
    return schema


def name_of(tag: str) -> str:
    """The class of a message."""
    every = [one for kind in kinds().values() for one in get_args(kind.messages)]
    return next(one.__name__ for one in every if one.__struct_config__.tag == tag)


def test_published_document_is_up_to_date(said: Callable[..., tuple[int, str, str]]) -> None:
    code, stdout, _ = said("schema", "--asyncapi")
    current = (DOCS / "asyncapi.json").read_text(encoding="utf-8")
    assert (code, stdout.strip()) == (0, current.strip()), "run: bidswarm schema --asyncapi > docs/asyncapi.json"


def test_parser_of_asyncapi_finds_nothing_wrong() -> None:
    ended = script("asyncapi.mjs", DOCS / "asyncapi.json")
    assert (ended.returncode, ended.stdout) == (0, "5 channels, 8 operations: valid\n")


def test_parser_of_asyncapi_notices_a_parameter_that_is_not_declared(tmp_path: Path) -> None:
    broken = document(kinds().values())
    del broken["channels"]["inbox"]["parameters"]["to_host"]
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    ended = script("asyncapi.mjs", tmp_path / "broken.json")
    assert ended.returncode == 1
    assert "to_host" in ended.stdout


def test_channels_are_the_topics() -> None:
    kind_of = {"board": "Board", "control": "Control", "inbox": "Inbox", "presence": "Presence", "trace": "TraceOf"}
    addresses = {name: channel["address"] for name, channel in PUBLISHED["channels"].items()}
    topics = {name: address.replace("{", "").replace("}", "") for name, address in addresses.items()}
    assert {name: type(TOPICS.parse(topic)).__name__ for name, topic in topics.items()} == kind_of
    assert TOPICS.parse(topics["control"]) == Control()
    assert TOPICS.parse(topics["trace"]) == TraceOf("host")
    used = {part.strip("{}") for address in addresses.values() for part in address.split("/") if "{" in part}
    assert used == set(PARAMETERS)


@pytest.mark.parametrize("vector", vectors("messages"), ids=lambda vector: vector["tag"])
def test_schema_of_a_message_takes_the_message_and_no_other(vector: dict[str, Any]) -> None:
    data, name = bytes.fromhex(vector["hex"]), name_of(vector["tag"])
    fits = {other for other in map(name_of, tags()) if is_valid(data, {"$ref": f"#/components/schemas/{other}"})}
    assert fits == {name}


def tags() -> set[str]:
    return {vector["tag"] for vector in vectors("messages")}


@pytest.mark.parametrize("name", ["frames", "posts"])
def test_payload_of_a_channel_takes_what_travels_there(name: str) -> None:
    suffix = name.removesuffix("s")
    for vector in vectors(name):
        data = bytes.fromhex(vector["hex"])
        assert any(is_valid(data, payload(f"{kind}-{suffix}")) for kind in kinds())
        assert not is_valid(data, payload("signed"))


def test_payload_of_presence_takes_a_word_and_a_life() -> None:
    found = jsonschema.Draft7Validator(payload("presence"))
    assert all(found.is_valid(vector["text"]) for vector in vectors("presence")["valid"])
    wrong = [
        text for text in vectors("presence")["invalid"] if not text.endswith("\n")
    ]  # to Python $ is before that, too
    assert not any(map(found.is_valid, wrong))
    assert len(wrong) > 5


def test_payload_of_signed_messages_takes_them() -> None:
    for vector in vectors("signed")["valid"]:
        assert is_valid(bytes.fromhex(vector["hex"]), payload("signed"))
        assert not is_valid(bytes.fromhex(vector["hex"]), payload("psp-frame"))


@pytest.mark.parametrize(
    "vector",
    [one for one in vectors("rejections") if one["kind"] == "message" and one["what"] not in BEYOND_JSON],
    ids=lambda vector: vector["what"],
)
def test_no_schema_takes_what_is_rejected(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    assert not any(is_valid(data, {"$ref": f"#/components/schemas/{name_of(tag)}"}) for tag in tags())


def test_payload_of_a_trace_takes_a_batch() -> None:
    records = [
        Record(1.5, "shop/shop", Cleared(1, 2, 60.0, 0.5, 6.0)),
        Record(2.5, "shop/shop", SaleSettled("a/b", 1, 60.0, 6.0)),
    ]
    batch = msgspec.msgpack.encode(TraceBatch({"sent": 3}, records))
    assert is_valid(batch, payload("psp-trace"))
    assert not is_valid(batch, payload("dmp-trace"))
    assert is_valid(msgspec.msgpack.encode(TraceBatch({}, [])), payload("psp-trace"))
