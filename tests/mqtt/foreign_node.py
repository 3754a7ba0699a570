"""The client in JavaScript (``foreign_js``) as processes of Node, and its journals as docs/ledger.md has them."""

import json
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DEADLINE_S

SCRIPTS = Path(__file__).parent / "foreign_js"
LEDGER = Path(__file__).parents[2] / "docs" / "ledger.md"


def node_program() -> str:
    """Node, where the client's packages are installed too; else skips the test, loudly."""
    program = shutil.which("node")
    if not program:
        pytest.skip(
            "NOT TESTED WITH A CLIENT IN JAVASCRIPT: node is not installed (Debian, Ubuntu: apt install nodejs npm)"
        )
    if not (SCRIPTS / "node_modules" / ".ready").is_file():
        pytest.skip(f"NOT TESTED WITH A CLIENT IN JAVASCRIPT: {SCRIPTS} lacks its packages: run make foreign")
    return program


def script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """What a script says that ends by itself."""
    command = [node_program(), str(SCRIPTS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


class ForeignNode:
    """A buyer or seller in JavaScript, in a folder of its own."""

    def __init__(self, role: str, folder: Path, *arguments: object) -> None:
        folder.mkdir()
        self._lines = folder / "journal.jsonl"
        self.journal = folder / "journal.sqlite"
        command = [node_program(), str(SCRIPTS / f"{role}.mjs"), "--journal", str(self._lines), *map(str, arguments)]
        with (folder / "errors").open("wb") as errors:
            self.process = subprocess.Popen(command, stderr=errors)
        self._errors = folder / "errors"

    def ended(self) -> int:
        """The exit code; what it wrote down is then in its ``journal`` as well."""
        code = self.process.wait(DEADLINE_S)
        write_journal(self.journal, [json.loads(line) for line in self._lines.read_text().splitlines()])
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_S)

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def written(self, kind: str) -> list[dict[str, Any]]:
        """The fields of the lines of that kind."""
        lines = [json.loads(line) for line in self._lines.read_text().splitlines()]
        return [line["fields"] for line in lines if line["kind"] == kind]


def write_journal(path: Path, lines: list[dict[str, Any]]) -> None:
    """A journal of the exchange from its lines, by what docs/ledger.md says and nothing else."""
    (create,) = re.findall(r"^```sql\n(.*?)^```", LEDGER.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    database = sqlite3.connect(path)
    database.executescript(create)
    database.execute("INSERT INTO meta (market) VALUES ('psp')")
    rows = [(one["time_s"], one["node"], one["kind"], one["binds"], json.dumps(one["fields"])) for one in lines]
    database.executemany("INSERT INTO entries (time_s, node, kind, binds, fields) VALUES (?, ?, ?, ?, ?)", rows)
    database.commit()
    database.close()
