"""The web server of the page, asked as browsers and others ask."""

import asyncio
import hashlib
import http.client
import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hatchling.builders.wheel import WheelBuilder
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from node.protocol.psp.trace import BidPlaced
from node.protocol.trace import Record
from scenarios.errors import ScenarioError
from scenarios.launch.run import run
from scenarios.live import server
from scenarios.live.feed import Viewer
from scenarios.live.guard import COOKIE, Guard, guard_of
from scenarios.live.playback import Playback
from scenarios.live.server import MOST_SAID_BYTES, MOST_VIEWERS, POLICY, STATIC, files
from scenarios.live.serving import bound, served_beside, url_of
from tests.conftest import wait_until

LIVE = Path(str(STATIC)).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(run("two-sellers", world="sim", out=tmp_path_factory.mktemp("runs"), pictures=False).summary.run_dir)


@contextmanager
def serving(shown: Playback, guard: Guard) -> Iterator[int]:
    """The port of a page."""
    listening = bound("127.0.0.1", 0)
    with served_beside(shown, guard, listening):
        yield listening.getsockname()[1]


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with serving(Playback(folder, float("inf")), guard_of("127.0.0.1", None)) as port:
        yield port


@pytest.fixture(scope="module")
def guarded(folder: Path) -> Iterator[tuple[int, str]]:
    guard = guard_of("0.0.0.0", None)
    with serving(Playback(folder, float("inf")), guard) as port:
        yield port, str(guard.token)


def got(port: int, path: str = "/", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def opened(port: int, origin: str | None = None, **headers: str) -> ClientConnection:
    own = f"http://127.0.0.1:{port}" if origin is None else origin
    return connect(f"ws://127.0.0.1:{port}/live", origin=own, additional_headers=headers)  # type: ignore[arg-type]


def state_of(socket: ClientConnection, *wanted: str, **but: Any) -> dict[str, Any]:
    """What has come until there is all that is wanted."""
    found: dict[str, Any] = {}
    while not set(wanted) <= found.keys() or any(found["pace"][key] != value for key, value in but.items()):
        found |= msgpack.unpackb(socket.recv(timeout=60), strict_map_key=False)
    return found


def assert_cut_off(socket: ClientConnection) -> None:
    """Whatever comes still, the server ends the connection."""
    with pytest.raises(ConnectionClosed):
        list(iter(lambda: socket.recv(timeout=60), None))


def test_every_file_comes_with_its_type_and_a_strict_policy(port: int) -> None:
    for path in ["", *files()]:
        status, headers, content = got(port, f"/{path}")
        assert status == 200
        assert content
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
    assert got(port, "/main.js")[1]["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path", ["/../server.py", "/..%2fserver.py", "/%2e%2e/guard.py", "/vendor/SHA256SUMS", "/static", "/vendor"]
)
def test_nothing_else_can_be_read(port: int, path: str) -> None:
    assert got(port, path)[0] == 404


def test_the_page_names_nothing_elsewhere() -> None:
    for path, (content, _) in files().items():
        if not path.startswith("vendor/"):
            text = content.decode().replace("http://www.w3.org/", "").replace("https://github.com/msgpack/", "")
            assert "http://" not in text, path
            assert "https://" not in text, path
        assert b"eval(" not in content


def test_what_comes_from_npm_is_what_the_sums_say() -> None:
    sums = dict(line.split()[::-1] for line in (LIVE / "static/vendor/SHA256SUMS").read_text().splitlines())
    vendored = {
        path.name: path.read_bytes() for path in (LIVE / "static/vendor").iterdir() if path.name != "SHA256SUMS"
    }
    assert {name: hashlib.sha256(content).hexdigest() for name, content in vendored.items()} == sums
    assert "MIT" in vendored["LICENSE.uPlot"].decode()


@pytest.mark.skipif(
    not (LIVE / "node_modules/.ready").is_file(), reason="NOT COMPARED WITH NPM: run make browser, which needs npm"
)
def test_what_comes_from_npm_is_what_npm_has() -> None:
    package = LIVE / "node_modules/uplot"
    pinned = json.loads((LIVE / "package.json").read_text())["dependencies"]["uplot"]
    assert json.loads((package / "package.json").read_text())["version"] == pinned
    for name, source in {
        "uPlot.esm.js": "dist/uPlot.esm.js",
        "uPlot.min.css": "dist/uPlot.min.css",
        "LICENSE.uPlot": "LICENSE",
    }.items():
        assert (LIVE / "static/vendor" / name).read_bytes() == (package / source).read_bytes()


def test_who_calls_it_by_another_name_is_refused(port: int) -> None:
    assert got(port, Host="evil.example")[0] == 421
    with pytest.raises(InvalidStatus):
        opened(port, origin="http://evil.example")
    with pytest.raises(InvalidStatus):
        opened(port, origin=f"http://127.0.0.1:{port + 1}")


def test_without_the_token_there_is_nothing(guarded: tuple[int, str]) -> None:
    port, token = guarded
    for path in ("/", "/main.js", "/?token=wrong", f"/?token={token[:-1]}"):
        status, _, content = got(port, path)
        assert status == 401
        assert token.encode() not in content
    with pytest.raises(InvalidStatus):
        opened(port)
    with pytest.raises(InvalidStatus):
        opened(port, Cookie=f"{COOKIE}{port}={token}x")


def test_the_token_becomes_a_cookie_that_no_other_site_can_send(guarded: tuple[int, str]) -> None:
    port, token = guarded
    status, headers, _ = got(port, f"/?token={token}")
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert got(port, Cookie=f"{COOKIE}{port}={token}")[0] == 200
    with opened(port, Cookie=f"{COOKIE}{port}={token}") as socket:
        assert "layout" in state_of(socket, "layout")


def test_a_viewer_gets_how_the_run_ended(port: int) -> None:
    with opened(port) as socket:
        found = state_of(socket, "figures", state="ended")
    assert found["figures"]["bids"] == 11
    assert found["figures"]["share_sold"] == pytest.approx(1.0)
    assert found["pace"]["source"] == "folder"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        "[]",
        '{"other": 1}',
        '{"speed": "fast"}',
        '{"speed": -1}',
        '{"speed": NaN}',
        '{"speed": 1e9}',
        '{"speed": 0.001}',
        '{"wish": {"count": "many"}}',
        "x" * (MOST_SAID_BYTES + 1),
    ],
)
def test_who_says_what_no_page_says_is_cut_off(port: int, said: str) -> None:
    with opened(port) as socket:
        socket.send(said)
        assert_cut_off(socket)


def test_who_says_bytes_is_cut_off(port: int) -> None:
    with opened(port) as socket:
        socket.send(b"\x00")
        assert_cut_off(socket)


def test_there_are_so_many_viewers_and_no_more(port: int) -> None:
    sockets = [opened(port) for _ in range(MOST_VIEWERS)]
    with pytest.raises(InvalidStatus):
        opened(port)
    for socket in sockets:
        socket.close()

    def is_free() -> bool:
        try:
            opened(port).close()
        except InvalidStatus:
            return False
        return True

    wait_until(is_free, "there is room again")


def test_a_run_is_paused_stepped_through_and_begun_anew(folder: Path) -> None:
    playback = Playback(folder, 1.0)
    playback.pace.pause(0.0)
    with serving(playback, guard_of("127.0.0.1", None)) as port, opened(port) as socket:
        first = state_of(socket, "pace")
        assert first["pace"]["pace"] == {"speed": 1.0, "paused": True, "may_set": True}
        before = playback.feed.view.now_s
        socket.send(json.dumps({"step": True}))
        stepped = state_of(socket, "figures", state="running")
        assert stepped["figures"]["bids"] < 11
        assert playback.feed.view.now_s >= before
        socket.send(json.dumps({"speed": 0, "pause": False}))
        assert state_of(socket, "figures", state="ended")["pace"]["now"] > 0.0
        socket.send(json.dumps({"restart": True, "pause": True}))
        assert state_of(socket, "figures")["figures"]["bids"] < 11


def test_an_address_that_cannot_be_had_is_named(port: int) -> None:
    with pytest.raises(ScenarioError, match=rf"cannot serve the page at 127.0.0.1:{port}"):
        bound("127.0.0.1", port)


def test_the_address_that_is_printed_has_the_token() -> None:
    listening = bound("0.0.0.0", 0)
    address = url_of(listening, guard_of("0.0.0.0", "a-token-of-my-own"))
    listening.close()
    assert address.endswith("/?token=a-token-of-my-own")
    assert "0.0.0.0" not in address


def test_the_wheel_has_the_page_and_nothing_of_npm(tmp_path: Path) -> None:
    root = LIVE.parent.parent
    (built,) = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    names = set(zipfile.ZipFile(built).namelist())
    assert {f"scenarios/live/static/{path}" for path in files()} <= names
    assert "scenarios/live/static/vendor/LICENSE.uPlot" in names
    assert not [name for name in names if "node_modules" in name]


@pytest.mark.asyncio
async def test_no_frame_is_made_for_a_slow_viewer_until_it_has_taken_the_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FRAME_S", 0.0)
    free, sent = asyncio.Event(), list[bytes]()

    class Slow:
        async def send_bytes(self, data: bytes) -> None:
            sent.append(data)
            await free.wait()

    feed = Playback(folder, 1.0).feed
    sending = asyncio.create_task(server._send(Slow(), feed, Viewer()))  # type: ignore[arg-type]
    for number in range(20):
        feed.take([Record(float(number), "h/A", BidPlaced("h/1", 0, number, 1.0, 1.0))])
        await asyncio.sleep(0.001)
    assert len(sent) == 1
    free.set()
    while len(sent) < 2:  # noqa: ASYNC110 - the fake has no event for it
        await asyncio.sleep(0.001)
    assert msgpack.unpackb(sent[1])["figures"]["bids"] == 20
    sending.cancel()


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ScenarioError, match="this needs uvicorn, which comes with the extra live"):
        bound("127.0.0.1", 0)
