"""A market on a broker of its own, with a door for guests and a scripted seller."""

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from broker.address import broker_address
from scenarios.guests.door import Door
from scenarios.live.guard import guard_of
from scenarios.live.serving import bound, served_beside
from scenarios.live.watching import Watch
from tests.mqtt.conftest import Mosquitto
from tests.mqtt.devices import Node

SHOP = ("--role", "seller", "--supply-mb", "60", "--reserve-price", "0.5", "--quiet-period", "1", "--linger", "0.5")


class Place:
    """Where guests come to."""

    def __init__(self, door: Door, port: int, broker: str, folder: Path) -> None:
        self.door, self.port, self.broker, self.folder = door, port, broker, folder

    def got(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def identity(self) -> str:
        """The cookie of a new guest."""
        path = "/join" + (f"?token={self.door.visitors.guard.token}" if self.door.visitors.guard.token else "")
        return self.got(path)[1]["set-cookie"].partition(";")[0]

    def page(self, cookie: str, origin: str | None = None) -> "Page":
        """The connection of a guest's page."""
        own = f"http://127.0.0.1:{self.port}" if origin is None else origin
        socket = connect(
            f"ws://127.0.0.1:{self.port}/join/live",
            origin=own,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie},
        )
        return Page(socket)

    def shop(self) -> Node:
        """A scripted seller of 60 MB."""
        return Node(self.folder / "shop", "--broker", self.broker, "--host", "shop", *SHOP)


class Page:
    """What a guest's page hears and says."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def say(self, **word: Any) -> None:
        self.socket.send(json.dumps(word))

    def enter(self, role: str, quantity: float, price: float, by: str = "hand") -> None:
        self.say(enter={"role": role, "quantity_mb": quantity, "price_per_mb": price, "by": by})

    def bid(self, stand: bool, **at: tuple[float, float]) -> None:
        """Bid at sellers whose host and node have one name."""
        self.say(move={"at": {f"{name}/{name}".replace("_", "-"): bid for name, bid in at.items()}, "stand": stand})

    def until(self, wanted: Any) -> dict[str, Any]:
        """The first state from now on that is as wanted."""
        while not wanted(state := json.loads(self.socket.recv(timeout=60))):
            pass
        return dict(state)

    def close(self) -> None:
        self.socket.close()


@contextmanager
def place(folder: Path, address: str = "127.0.0.1") -> Iterator[Place]:
    """A broker, and a server with a door at it."""
    with ExitStack() as stack:
        broker = Mosquitto(folder)
        stack.callback(broker.kill)
        url = f"mqtt://127.0.0.1:{broker.port}"
        guard, listening = guard_of(address, None), bound("127.0.0.1", 0)
        door = Door(Watch(broker_address(url), "lab"), url, "lab", folder / "guests", guard)
        stack.enter_context(served_beside(door, guard, listening, door.visitors.routes()))
        yield Place(door, listening.getsockname()[1], url, folder)
