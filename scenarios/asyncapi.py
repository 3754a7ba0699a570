"""The protocol as an AsyncAPI 3 document: its topics, who writes what there, and a schema of every message."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import msgspec
from msgspec.inspect import BytesType, Field, StructType, type_info

from node.protocol.topics import NAME, Topics
from node.protocol.wire.frames import VERSION, Envelope, Frame, Post, Sealed
from node.protocol.wire.presence import PRESENCE
from node.runtime.mqtt.host import LOST, OPEN, STOP
from scenarios.launch.parts import PARTS
from scenarios.markets.kind import MarketKind

Json = dict[str, Any]

MESSAGE_PACK = "application/vnd.msgpack"

PARAMETERS = {
    "market": "the market",
    "host": "the host that writes here",
    "node": "one of its nodes",
    "to_host": "the host that reads here",
    "from_host": "the host that writes here",
}
"""The parts of topics that are names, in braces."""

TOPICS = Topics("market")


def document(kinds: Iterable[MarketKind]) -> Json:
    """The document of these markets, from the side of a host: what it sends, and what it receives."""
    known = [*kinds]
    parameters = {name: {"description": f"{what}; matches {NAME}"} for name, what in PARAMETERS.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "bidswarm",
            "version": str(VERSION),
            "description": "What the hosts of a market say to each other over MQTT 3.1.1. Payloads are MessagePack: "
            "its arrays and maps are those of the schemas, and a bin is a string of which each character is a byte. "
            "docs/protocol.md says what it all means.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": MESSAGE_PACK,
        "servers": {"broker": _broker()},
        "channels": _channels(known),
        "operations": OPERATIONS,
        "components": {"parameters": parameters, "messages": _messages(known), "schemas": _schemas(known)},
    }


# Topics


def _broker() -> Json:
    will = {"topic": _braced(TOPICS.presence("host")), "qos": 1, "message": "offline {life}", "retain": True}
    return {
        "host": "{address}",
        "protocol": "mqtt",
        "protocolVersion": "3.1.1",
        "description": "Any MQTT broker; over TLS the protocol is secure-mqtt.",
        "variables": {"address": {"default": "127.0.0.1:1883"}},
        "bindings": {"mqtt": {"cleanSession": True, "lastWill": will, "bindingVersion": "0.2.0"}},
    }


def _braced(topic: str) -> str:
    """A topic with its names as parameters."""
    return "/".join(f"{{{part}}}" if part in PARAMETERS else part for part in topic.split("/"))


def _channels(kinds: Sequence[MarketKind]) -> Json:
    frames = [f"{kind.name}-frame" for kind in kinds]
    posts = [f"{kind.name}-post" for kind in kinds if kind.posts]
    traces = [f"{kind.name}-trace" for kind in kinds]
    inbox, board = TOPICS.inbox("to_host", "from_host"), TOPICS.board("host/node")
    return {
        "inbox": _channel(inbox, "Frames from one host to another.", [*frames, "signed"]),
        "board": _channel(board, "The newest post of a node, for everybody.", [*posts, "signed"]),
        "presence": _channel(TOPICS.presence("host"), "Whether a host is there.", ["presence"]),
        "trace": _channel(TOPICS.trace("host"), "What observers are told, every 0.25 s.", traces),
        "control": _channel(TOPICS.control, "The launcher's word to all.", ["control"]),
    }


def _channel(topic: str, description: str, messages: Sequence[str]) -> Json:
    names = [part for part in topic.split("/") if part in PARAMETERS]
    return {
        "address": _braced(topic),
        "description": description,
        "parameters": {name: _reference("parameters", name) for name in names},
        "messages": {name: _reference("messages", name) for name in messages},
    }


def _operation(action: str, channel: str, summary: str, *, qos: int = 1, retain: bool = False) -> Json:
    of_mqtt = {"qos": qos, "bindingVersion": "0.2.0"} | ({"retain": retain} if action == "send" else {})
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "bindings": {"mqtt": of_mqtt},
    }


def _reference(section: str, name: str) -> Json:
    return {"$ref": f"#/components/{section}/{name}"}


OPERATIONS = {
    "sendFrame": _operation("send", "inbox", "Say something to the nodes of another host."),
    "receiveFrame": _operation("receive", "inbox", "Hear what another host says to the nodes here."),
    "post": _operation("send", "board", "Replace a node's post.", retain=True),
    "readBoard": _operation("receive", "board", "Read the posts of those whom the nodes here watch."),
    "announce": _operation("send", "presence", "Say whether this host is there.", retain=True),
    "watch": _operation("receive", "presence", "Learn which hosts are there."),
    "tell": _operation("send", "trace", "Tell observers what happened.", qos=0),
    "obey": _operation("receive", "control", "Begin, or leave, on the launcher's word."),
}
"""What a host does. An observer receives on ``trace`` besides, and the launcher sends on ``control``."""


# What travels on them


def _messages(kinds: Sequence[MarketKind]) -> Json:
    found: Json = {}
    version = {"title": "version", "const": VERSION}
    for kind in kinds:
        sent = [one for one in get_args(kind.messages) if one not in kind.posts]
        envelope = _array(Envelope, message=_any_of(sent))
        envelopes = {"title": "envelopes", "type": "array", "items": envelope}
        frame = _array(Frame, version=version, envelopes=envelopes)
        found[f"{kind.name}-frame"] = _message(f"Messages of the market {kind.name} from one host to another.", frame)
        if kind.posts:
            post = _array(Post, version=version, message=_any_of(kind.posts))
            found[f"{kind.name}-post"] = _message(f"What a node of the market {kind.name} posts.", post)
        found[f"{kind.name}-trace"] = _message(f"A batch of records of the market {kind.name}.", _batch(kind))
    found["signed"] = _message("A frame or post of a market with keys, and its signature.", _array(Sealed))
    presence = {"type": "string", "pattern": f"^{PRESENCE}$"}
    found["presence"] = _message("A host's word about itself, and its life.", presence, "text/plain")
    words = "|".join([*(word.decode() for word in (OPEN, STOP, LOST)), PARTS])
    found["control"] = _message("The launcher's word.", {"type": "string", "pattern": f"^({words})$"}, "text/plain")
    return found


def _message(summary: str, payload: Json, content_type: str = MESSAGE_PACK) -> Json:
    return {"contentType": content_type, "summary": summary, "payload": payload}


def _batch(kind: MarketKind) -> Json:
    count = {"type": "integer", "minimum": 0}
    counters = {"title": "counters", "type": "object", "additionalProperties": count}
    time, node = {"title": "time_s", "type": "number"}, {"title": "node", "type": "string"}
    record = _tuple([time, node, _any_of(get_args(kind.records))])
    return _tuple([counters, {"title": "records", "type": "array", "items": record}])


def _any_of(structs: Sequence[type[msgspec.Struct]]) -> Json:
    return {"anyOf": [_reference("schemas", one.__name__) for one in structs]}


# Schemas


def _schemas(kinds: Sequence[MarketKind]) -> Json:
    """Those of all messages and records, and of the arrays inside them, by the names of their classes."""
    told = [one for kind in kinds for union in (kind.messages, kind.records) for one in get_args(union)]
    inner = [field.type.cls for one in told for field in _fields(one) if isinstance(field.type, StructType)]
    return {one.__name__: _array(one) for one in (*told, *inner)}


def _fields(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    info = type_info(struct)
    assert isinstance(info, StructType)
    return info.fields


def _array(struct: type[msgspec.Struct], **given: Json) -> Json:
    """The schema of a struct as the array it is on the wire; of some fields it may be given."""
    _, components = msgspec.json.schema_components([struct], ref_template="#/components/schemas/{name}")
    schema = components[struct.__name__]
    items, fields = schema["prefixItems"], _fields(struct)
    tag = items[: len(items) - len(fields)]
    own = [given.get(one.name) or _item(one, item) for one, item in zip(fields, items[len(tag) :], strict=True)]
    about = {"description": inspect.cleandoc(schema["description"])} if "description" in schema else {}
    return {"title": struct.__name__, **about, **_tuple([*tag, *own])}


def _item(field: Field, schema: Json) -> Json:
    """The schema of one element, named after its field; of a bin the length counts bytes."""
    if isinstance(field.type, BytesType):
        least, most = field.type.min_length, field.type.max_length
        lengths = {"minLength": least, "maxLength": most} if least is not None else {}
        schema = {"type": "string", "format": "binary", **lengths}
    return schema if "$ref" in schema else {"title": field.name, **schema}


def _tuple(items: Sequence[Json]) -> Json:
    """An array of exactly these elements, as the draft 07 of JSON Schema has it, which is that of AsyncAPI."""
    length = len(items)
    return {"type": "array", "items": items, "additionalItems": False, "minItems": length, "maxItems": length}
