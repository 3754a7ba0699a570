"""A simulated network whose hosts fall silent, are reported gone, come back, or are started anew, on demand."""

from collections.abc import Callable, Iterable

from node.protocol.host import Host, Record
from node.runtime.simulation import Network, Simulation


class Faulty(Simulation):
    """``crash``, ``cut_off``, ``reconnect`` and ``restart`` are its faults."""

    def __init__(
        self, hosts: Iterable[Host], network: Network, seed: int, sink: Callable[[list[Record]], None]
    ) -> None:
        self.dead: set[str] = set()
        self.cut: set[str] = set()
        self.board: dict[str, bytes] = {}
        super().__init__(hosts, network, seed, sink)

    def crash(self, name: str) -> None:
        """The host falls silent for ever, and its last will tells everybody."""
        self.dead.add(name)
        self.tell_offline(name)

    def tell_offline(self, name: str) -> None:
        for host in self._hosts.values():
            if host.name != name and host.name not in self.dead:
                host.peer_offline(self.now, name)
                self._collect(host)

    def cut_off(self, name: str) -> None:
        """Nothing reaches the host, and nothing leaves it, until it is back; nobody is told."""
        self.cut.add(name)

    def reconnect(self, name: str) -> None:
        self.cut.discard(name)
        self._hosts[name].reconnected(self.now)
        self._collect(self._hosts[name])

    def restart(self, host: Host) -> None:
        """A process of the same name takes the place of a crashed host; it finds what is on the board."""
        self.dead.discard(host.name)
        self._wake_at.pop(host.name, None)
        self._hosts[host.name] = host
        for readers in self._readers.values():
            readers[:] = [host if reader.name == host.name else reader for reader in readers]
        host.start(self.now)
        self._collect(host)
        for poster, post in self.board.items():
            self._deliver_post(host, poster, post)

    def _is_gone(self, host: Host) -> bool:
        return host.name in self.dead or host is not self._hosts[host.name]

    def _rests(self, host: Host) -> bool:
        return host.name in self.dead or super()._rests(host)

    def _wake(self, host: Host, deadline: float) -> None:
        if not self._is_gone(host):
            super()._wake(host, deadline)

    def _deliver(self, receiver: Host, sender: str, frame: bytes) -> None:
        if not self._is_gone(receiver) and not {receiver.name, sender} & self.cut:
            super()._deliver(receiver, sender, frame)

    def _deliver_post(self, reader: Host, poster: str, post: bytes) -> None:
        self.board[poster] = post
        if not self._is_gone(reader) and not {reader.name, poster.partition("/")[0]} & self.cut:
            super()._deliver_post(reader, poster, post)
