"""The documentation says what the program does."""

import base64
import hashlib
import hmac
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import jsonschema
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from broker.own.init import init
from broker.own.setup import Wishes
from broker.profile import BrokerProfile, BrokerTable, SigningTable
from node.mechanism.psp import clear
from node.protocol.dmp.journal import CallEntry
from node.protocol.dmp.trace import CallRecord
from node.protocol.journal import JournalEntry
from node.protocol.psp import messages
from node.protocol.psp.journal import Bought, ExchangeEntry
from node.protocol.psp.trace import ExchangeRecord
from node.protocol.topics import Topics
from node.protocol.trace import NodeRecord
from node.protocol.wire import frames
from node.protocol.wire.seal import Seal
from node.runtime.ed25519 import Ed25519Signing
from node.runtime.faults.plan import FaultRecord
from node.runtime.journal import Journal
from node.runtime.keys import Keys
from node.runtime.mqtt.endpoint import Endpoint
from node.trace.dmp.metrics import CallRow
from scenarios.chaos.schema import ChaosTable, ExpectTable, FaultTable
from scenarios.doctor.checks import EXAMINATIONS
from scenarios.files.own import OwnTable, as_in_files
from scenarios.files.tables import NetworkTable, Normal, Uniform
from scenarios.files.types import Table
from scenarios.launch.options import RunOptions
from scenarios.launch.run import run
from scenarios.markets.dmp.results import TERMINAL_COLUMNS, CallSummary, OperatorRow
from scenarios.markets.dmp.schema import (
    Agents,
    CallScenario,
    MarketplaceTable,
    Operators,
    PricingTable,
    ReputationTable,
    Service,
    Terminals,
)
from scenarios.markets.load import load, parse, shipped
from scenarios.markets.psp.final_bids import FinalBid
from scenarios.markets.psp.market import draw
from scenarios.markets.psp.results import Allocation, Summary
from scenarios.markets.psp.schema import ArrayTable, AuctionTable, Buyers, Scenario, Sellers, StrategyTable
from scenarios.markets.registry import draw_market, json_schema, kinds
from scenarios.results.trace import fields_of
from tests.conftest import DEADLINE_S
from tests.protocol.codecs import BOTH, AnyMessage
from tests.protocol.psp.bench import digest_of
from tests.protocol.vectors import LIFE
from tests.scenarios.markets.dmp.conftest import journalled

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of that language on a page of the documentation."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def section(page: str, heading: str) -> str:
    """What stands below a heading of a page, subsections included."""
    text = (DOCS / page).read_text(encoding="utf-8")
    level = heading.partition(" ")[0]
    below = text.partition(f"\n{heading}\n")[2]
    return re.split(rf"^#{{2,{len(level)}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def exchange_part(page: str) -> str:
    """A page without what it says of the Digital Marketplace."""
    return (DOCS / page).read_text(encoding="utf-8").replace(section(page, MARKETPLACE), "")


MARKETPLACE = "## The Digital Marketplace"


def first_column(text: str) -> set[str]:
    """Every name in code type in the first column of a table."""
    rows = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def table_keys(page: str) -> set[str]:
    """Those of all tables of a page."""
    return first_column((DOCS / page).read_text(encoding="utf-8"))


# Scenarios


def test_published_json_schema_is_up_to_date() -> None:
    published = (DOCS / "scenario.schema.json").read_bytes()
    current = msgspec.json.format(msgspec.json.encode(json_schema()), indent=2)
    assert published.strip() == current.strip(), "run: bidswarm schema > docs/scenario.schema.json"


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenario_is_valid_by_the_json_schema(name: str) -> None:
    scenario = msgspec.to_builtins(load(name))
    jsonschema.Draft202012Validator(json_schema()).validate(scenario)


@pytest.mark.parametrize("name", shipped())
def test_shipped_file_is_valid_by_the_json_schema_as_it_stands(name: str) -> None:
    tables = msgspec.toml.decode(shipped()[name])
    jsonschema.Draft202012Validator(json_schema()).validate(tables)


def test_every_shipped_scenario_has_its_row() -> None:
    assert first_column(section("scenarios.md", "## What ships")) >= set(shipped())


def test_json_schema_refuses_an_unknown_key() -> None:
    tables = msgspec.toml.decode(shipped()["two-sellers"]) | {"colour": "red"}
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(tables)


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """A folder with the population files of the last example."""
    (csv,) = blocks("scenarios.md", "csv")
    (tmp_path / "sellers.csv").write_text(csv, encoding="utf-8")
    columns = {"demand_mb": [40.0, 60.0], "choke_price_per_mb": [5.0, 6.0], "sellers": [["ann"], None]}
    pq.write_table(pa.table(columns), tmp_path / "buyers.parquet")
    return tmp_path


@pytest.mark.parametrize("example", blocks("scenarios.md", "toml"))
def test_example_scenario_of_the_documentation_draws_a_market(example: str, survey: Path) -> None:
    path = survey / "example.toml"
    path.write_text(example, encoding="utf-8")
    assert draw_market(load(str(path)), seed=1).nodes > 1


def test_there_is_an_example_of_either_market() -> None:
    examples = [msgspec.toml.decode(example).get("market", "psp") for example in blocks("scenarios.md", "toml")]
    assert set(examples) == set(kinds())


@pytest.mark.parametrize(
    ("scenario", "text"),
    [
        pytest.param(Scenario, exchange_part("scenarios.md"), id="psp"),
        pytest.param(CallScenario, section("scenarios.md", MARKETPLACE), id="dmp"),
    ],
)
def test_every_key_of_a_scenario_is_documented(scenario: type, text: str) -> None:
    (_,), definitions = msgspec.json.schema_components([scenario])
    tables = {name: table for name, table in as_in_files(definitions).items() if name not in NUMBERS}
    keys = {key for table in tables.values() for key in table.get("properties", {})}
    assert len(keys) > 40
    assert {key for key in keys - TABLES if f"`{key}`" not in text} == set()


FAULTS = (*get_args(FaultTable), *get_args(ExpectTable))
NUMBERS = {"Uniform", "Normal", "LogNormal", "Choice"}
TABLES = {
    *("auction", "network", "array", "sellers", "buyers", "shifts", "kind", "distribution", "rule"),
    *("marketplace", "reputation", "services", "operators", "terminals", "agents"),
    *NetworkTable.__struct_fields__,
    *("chaos", *ChaosTable.__struct_fields__, *(key for table in FAULTS for key in table.__struct_fields__)),
}
"""Keys that stand as headings, or in one part of the page for both markets."""


def test_every_key_of_the_json_schema_has_a_description_with_its_unit() -> None:
    definitions: dict[str, Any] = json_schema()["$defs"]  # type: ignore[assignment]
    tables = [table["properties"] for table in definitions.values() if "properties" in table]
    keys = [(key, one["description"]) for table in tables for key, one in table.items()]
    assert len(keys) > 200
    assert {key for key, text in keys if key.endswith("_mb") and not text.endswith("MB)")} == set()
    assert {key for key, text in keys if key.endswith("_s") and "second" not in text} == set()
    assert {key for key, text in keys if key.endswith("_money") and not text.endswith("(money)")} == set()
    assert {key for key, text in keys if key.endswith("_kbps") and not text.endswith("(kbit/s)")} == set()


MEANINGS: dict[str, Sequence[type[Table]]] = {
    "## The whole market": [Scenario],
    "## `[auction]`": [AuctionTable],
    "## `[network]`": [NetworkTable],
    "## `[array]`": [ArrayTable],
    "## `[[sellers]]`": [Sellers],
    "## `[[buyers]]`": [Buyers],
    "### `strategy`": get_args(StrategyTable),
    "## `[chaos]`": [ChaosTable],
    MARKETPLACE: [CallScenario],
    "### `[marketplace]`": [MarketplaceTable],
    "### `[reputation]`": get_args(ReputationTable),
    "### `[[services]]`": [Service],
    "### `[[operators]]`": [Operators],
    "### `pricing`": get_args(PricingTable),
    "### `[[terminals]]`": [Terminals],
    "### `[[agents]]`": [Agents],
}
"""The tables that docs/scenarios.md explains key by key; of the others it explains the kinds."""

ELSEWHERE = ("as for ", "[as above]", "the same ")
"""So begins the meaning of keys that another row explains."""


def meanings(heading: str, kinds: Sequence[str]) -> dict[tuple[str, str], str | None]:
    """The meaning, without links, of each kind and key in the table below a heading; None if it stands elsewhere."""
    pattern = r"^\|(.* meaning .*)\|\n\|[-|]+\n((?:\|.*\n)+)"
    columns, rows = re.findall(pattern, section("scenarios.md", heading), re.MULTILINE)[0]
    at = [one.strip() for one in columns.split("|")].index("meaning")
    found: dict[tuple[str, str], str | None] = {}
    of = kinds
    for row in rows.splitlines():
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        if at == 2 and cells[0]:
            of = kinds if cells[0] == "all" else [cells[0].strip('`"')]
        text = re.sub(r"^`\w+`: | \(\[[^]]*\]\([^)]*\)\)|, \[?below\]?(\([^)]*\))?$", "", cells[at])
        told = None if cells[at].startswith(ELSEWHERE) else text
        keys = re.findall(r"`\[*(?:\w+\.)?(\w+)\]*`", cells[at - 1])
        found |= {(kind, key): told for kind in of for key in keys}
    return found


@pytest.mark.parametrize("heading", MEANINGS)
def test_the_description_of_a_key_is_its_documented_meaning(heading: str) -> None:
    tables = [table for table in MEANINGS[heading] if not issubclass(table, OwnTable)]
    fields = [
        (str(table.__struct_config__.tag or ""), one) for table in tables for one in msgspec.structs.fields(table)
    ]
    described = {(kind, one.encode_name): one.type.__metadata__[-1].description for kind, one in fields}
    told = meanings(heading, [str(table.__struct_config__.tag or "") for table in tables])
    assert told.keys() == described.keys()
    assert {key: text or described[key] for key, text in told.items()} == described


def test_every_key_that_both_markets_share_is_documented() -> None:
    keys = {*NetworkTable.__struct_fields__, "distribution", *Uniform.__struct_fields__, *Normal.__struct_fields__}
    keys |= {*ChaosTable.__struct_fields__, *(key for table in FAULTS for key in table.__struct_fields__)}
    text = exchange_part("scenarios.md")
    assert {key for key in keys if not re.search(rf"\b{key}\b", text)} == set()


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("### `[marketplace]`", MarketplaceTable),
        ("### `[[services]]`", Service),
        ("### `[[operators]]`", Operators),
        ("### `[[terminals]]`", Terminals),
        ("### `[[agents]]`", Agents),
    ],
)
def test_documented_defaults_are_those_of_the_program(heading: str, table: type[msgspec.Struct]) -> None:
    rows = [row.split(" | ") for row in re.findall(r"^\| (`.*) \|$", section("scenarios.md", heading), re.MULTILINE)]
    told = {name: row[2] for row in rows if len(row) == 4 for name in re.findall(r"`(\w+)`", row[0])}
    for field in msgspec.structs.fields(table):
        if field.encode_name not in told:
            continue
        if field.required:
            assert told[field.encode_name] == "required", field.encode_name
        elif isinstance(field.default, bool | int | float | str):
            default = f"{field.default:g}" if isinstance(field.default, float) else json.dumps(field.default)
            assert told[field.encode_name].strip("`") == default, field.encode_name


def test_documented_derived_defaults_are_those_of_the_program() -> None:
    tables = {
        "name": "derived",
        "auction": {"clearing_interval_s": 0.2},
        "network": {"delay_max_s": 0.03},
        "sellers": [{"supply_mb": 1}],
        "buyers": [{"valuation": {"kind": "flat", "demand_mb": 1, "value_per_mb": 1}}],
    }
    timing = draw(parse(tables, "here"), seed=0).timing
    assert timing.quiet_period_s == pytest.approx(10 * 0.2 + 25 * 0.03)
    assert timing.retry_s == pytest.approx(4 * 0.2 + 4 * 0.03)


# Protocol


def hex_examples() -> list[tuple[str, bytes]]:
    lines = "".join(blocks("protocol.md", "hex")).splitlines()
    return [(line.split(" ", 1)[0], bytes.fromhex(line.split(" ", 1)[1])) for line in lines]


@pytest.mark.parametrize(("name", "data"), hex_examples(), ids=[name for name, _ in hex_examples()])
def test_hex_example_of_the_protocol_decodes(name: str, data: bytes) -> None:
    if name == "frame":
        (envelope,) = frames.decode_frame(data, LIFE)
        assert BOTH.message(envelope.message) == messages.Bid(0, 0, 50.0, 1.0, 1)
        assert frames.encode_frames([envelope], LIFE) == [data]
    elif name == "signed-frame":
        keys = Keys(base64.b64encode(bytes(range(32))).decode(), {})
        frame = dict(hex_examples())["frame"]
        assert Seal(Topics("m"), "a", Ed25519Signing(keys)).frame("b", frame) == data
    elif name == "post":
        life, message = BOTH.post(data)
        assert frames.encode_post(message, life) == data
        assert life == LIFE
    else:
        message = BOTH.message(msgspec.Raw(data))
        assert type(message).__name__ == name
        assert bytes(memoryview(frames.encode_message(message))) == data
        assert not isinstance(message, messages.Profile) or message.digest == digest_of(message)


def test_every_message_has_an_example_and_its_fields_in_order() -> None:
    kinds = AnyMessage.__args__
    assert {name for name, _ in hex_examples()} == {kind.__name__ for kind in kinds} | {"frame", "post", "signed-frame"}
    page = (DOCS / "protocol.md").read_text(encoding="utf-8")
    for kind in kinds:
        fields = ", ".join(kind.__struct_fields__[1:])
        assert re.search(rf"^\| `{kind.__struct_config__.tag}` \|[^|]*\| {fields} ?\|", page, re.MULTILINE), kind


def test_every_counter_is_documented() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "node" / "protocol").rglob("*.py"))
    raised = re.findall(r'(Ignored|Rejected)Error\("([^"]+)"\)', source)
    dropped = re.findall(r'Dropped\("(\w+)", "([^"]+)"', source)
    counters = {f"{verdict.lower()}: {reason}" for verdict, reason in raised + dropped}
    assert len(counters) > 30
    assert counters - table_keys("protocol.md") == set()


def test_every_key_of_a_profile_is_documented() -> None:
    head = set(BrokerProfile.__struct_fields__) - {"broker", "signing"}
    tables = {f"broker.{key}" for key in BrokerTable.__struct_fields__}
    tables |= {f"signing.{key}" for key in SigningTable.__struct_fields__}
    assert first_column(section("protocol.md", "### Login")) == head | tables


@pytest.mark.asyncio
async def test_client_identifier_is_as_documented() -> None:
    client = Endpoint("127.0.0.1", 1883, "alice", "secret").client("lab-alice")
    code = hmac.new(b"secret", b"lab-alice", hashlib.sha256).hexdigest()
    assert client.identifier == f"lab-alice-{code[:16]}"
    assert "the first 16 lower-case hexadecimal digits of HMAC-SHA-256" in section("protocol.md", "### Login")


def test_example_of_a_clearing_is_right() -> None:
    outcome = clear([70, 60, 40, 10], [4, 4, 2, 1], supply=100)
    text = section("protocol.md", "### Clearing")
    assert "rows (70, 4), (60, 4), (40, 2), (10, 1) get 53.8462, 46.1538, 0 and 0" in text
    assert outcome.allocation == pytest.approx([53.8462, 46.1538, 0.0, 0.0], abs=5e-5)
    assert "4 · 13.8462 + 2 · 40 = 135.3846; the second pays 124.6154" in text
    assert outcome.charge == pytest.approx([135.3846, 124.6154, 0.0, 0.0], abs=5e-5)


# Results


def test_every_key_of_the_summary_is_documented() -> None:
    keys = {*Summary.__struct_fields__, *Allocation.__struct_fields__, *FinalBid._fields}
    assert keys - first_column(exchange_part("results.md")) == set()


def test_every_file_and_key_that_a_run_leaves_is_documented(tmp_path: Path) -> None:
    for world in ("sim", "array"):
        folder = run("neighbourhood", world=world, out=tmp_path, timeout_s=30.0).run_dir
        page = exchange_part("results.md")
        names = {path.name for path in folder.iterdir()} - {"journals"}
        assert names - first_column(page) == set()
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["options"] == {"timeout": 30.0}
        assert manifest.keys() - first_column(section("results.md", "## manifest.json")) == set()
        (row,) = re.findall(r"^\| `outcome.json` \|.*", page, re.MULTILINE)
        assert json.loads((folder / "outcome.json").read_text()).keys() <= set(re.findall(r"`(\w+)`", row))


def test_every_option_that_changes_a_run_is_named_in_its_manifest() -> None:
    (row,) = re.findall(r"^\| `options` \|.*", section("results.md", "## manifest.json"), re.MULTILINE)
    options = RunOptions(
        profile=Path("p"),
        port=1,
        hosts=2,
        connections="per-node",
        market_name="m",
        parts=3,
        place="dask://h:1",
        timeout_s=3.0,
    )
    assert options.given == {
        "profile": "p",
        "port": 1,
        "hosts": 2,
        "connections": "per-node",
        "market": "m",
        "parts": 3,
        "place": "dask://h:1",
        "timeout": 3.0,
    }
    assert list(options.given) == re.findall(r"`(\w+)`", row)[1:]


def test_every_key_of_a_digital_marketplaces_summary_and_tables_is_documented() -> None:
    structs = (CallSummary, OperatorRow)
    tables = {*CallRow.__slots__, "terminal", *TERMINAL_COLUMNS, "at_s", "operator", "reputation"}
    keys = {key for struct in structs for key in struct.__struct_fields__} | tables
    assert keys - first_column(section("results.md", MARKETPLACE)) == set()


# Records and journal entries


def marketplace_part(page: str) -> str:
    return section(page, MARKETPLACE)


def rows_of(text: str) -> list[list[str]]:
    """The cells of all tables that begin with a column ``kind``."""
    tables = re.findall(r"^\| kind \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for table in tables for row in table.splitlines()]


def documented(text: str) -> set[tuple[str, ...]]:
    """The kind and the fields of every row."""
    return {tuple(re.findall(r"`([^`]+)`", f"{row[0]} {row[-1]}")) for row in rows_of(text)}


def defined(kinds: UnionType) -> set[tuple[str, ...]]:
    """The tag and the fields of every class."""
    return {(str(kind.__struct_config__.tag), *kind.__struct_fields__) for kind in get_args(kinds)}


def test_every_record_of_an_exchange_is_documented_with_its_columns() -> None:
    assert documented(exchange_part("results.md")) == defined(ExchangeRecord | FaultRecord)


def test_every_record_of_a_digital_marketplace_is_documented_with_its_columns() -> None:
    assert documented(marketplace_part("results.md")) == defined(CallRecord) - defined(NodeRecord)


@pytest.mark.parametrize(("told", "part"), [(ExchangeRecord, exchange_part), (CallRecord, marketplace_part)])
def test_every_column_of_the_events_is_explained(told: UnionType, part: Callable[[str], str]) -> None:
    columns = {"time_s", "node", "kind", *fields_of(told)}
    explained = re.findall(r"^\| column \|.*\n\|[-|]+\n((?:\|.*\n)+)", part("results.md"), re.MULTILINE)
    assert columns - first_column("\n".join(explained)) - {"time_s", "node", "kind"} == set()


def test_every_journal_entry_is_documented_with_its_fields() -> None:
    assert documented((DOCS / "ledger.md").read_text(encoding="utf-8")) == defined(ExchangeEntry) | defined(CallEntry)


def test_entries_that_a_loss_of_power_may_take_are_those_documented() -> None:
    """By a run of both kinds of providers, in which all of them come up."""
    text = (DOCS / "ledger.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"^(.*) bind nobody anew", text, re.MULTILINE)
    written: list[JournalEntry] = []
    for name in ("mixed-agents", "congested"):
        written += journalled(name, "terminals.*.calls=9")
    assert {line.kind for line in written if not line.binds} == set(re.findall(r"`([^`]+)`", sentence))
    assert {line.kind for line in written} >= {"called", "committed", "brokered", "decommitted"}


def test_a_journal_made_by_the_documented_statements_is_one_of_the_program(tmp_path: Path) -> None:
    Journal(tmp_path / "ours.sqlite", "psp", ExchangeEntry).close()
    (statements,) = blocks("ledger.md", "sql")
    with sqlite3.connect(tmp_path / "theirs.sqlite") as database:
        database.executescript(statements)
        database.execute("INSERT INTO meta (market) VALUES ('psp')")
    assert made(tmp_path / "ours.sqlite") == made(tmp_path / "theirs.sqlite")


def made(path: Path) -> list[Any]:
    """How a file of SQLite was made, and for which market."""
    with sqlite3.connect(path) as database:
        queries = "SELECT sql FROM sqlite_master", "PRAGMA application_id", "PRAGMA user_version", "SELECT * FROM meta"
        return [database.execute(query).fetchall() for query in queries]


def test_types_of_the_fields_of_journals_are_as_documented() -> None:
    text = (DOCS / "ledger.md").read_text(encoding="utf-8")
    (names,) = re.findall(r"^In `fields`, (.*?) are integers", text, re.MULTILINE | re.DOTALL)
    integers = set(re.findall(r"`(\w+)`", names))
    number = re.compile(r"\w+_(mb|money|s|kbps)|price_weight|compound_bid")
    hints = [get_type_hints(kind) for kind in get_args(ExchangeEntry | CallEntry)]
    fields = {(name, hint) for one in hints for name, hint in one.items() if name != "__struct_config__"}
    assert {name for name, hint in fields if hint is int} == integers
    assert {name for name, hint in fields if number.fullmatch(name)} == {
        name for name, hint in fields if hint in {float, float | None}
    }
    others = {
        hint for name, hint in fields if name not in integers | {"is_silent", "wanted"} and not number.fullmatch(name)
    }
    assert all(hint is str or get_origin(hint) is Literal for hint in others)


def test_example_of_reading_a_journal_with_sqlite_works(tmp_path: Path) -> None:
    (command,) = [one for one in blocks("ledger.md", "sh") if one.startswith("sqlite3")]
    journal = Journal(tmp_path / "alice.sqlite", "psp", ExchangeEntry)
    journal.append([JournalEntry(1.5, "alice/alice", Bought("shop/shop", 0, 1, 1, 30.0, 6.0))])
    query = command.partition('"')[2].rpartition('"')[0]
    with sqlite3.connect(tmp_path / "alice.sqlite") as database:
        assert database.execute(query).fetchall() == [(1.5, "shop/shop", 30.0)]


# Security


def test_every_check_of_the_doctor_is_documented() -> None:
    checks = {"clock", "open files"} | {name for name, _ in EXAMINATIONS}
    assert first_column(section("security.md", "## The doctor")) == checks


def test_every_file_of_a_brokers_folder_is_documented(tmp_path: Path) -> None:
    init(tmp_path, Wishes())
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    documented = first_column(section("security.md", "## Setting up").partition("### ")[0])
    assert documented == files - {"profiles/launcher.toml"} | {"profiles/NAME.toml", "data/"}


# Links and examples


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted(DOCS.rglob("*.md"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    targets = [page.parent / link.partition("#")[0] if not link.startswith("#") else page for link in links]
    assert [str(target) for target in targets if not target.exists()] == []


@pytest.fixture
def run_example(tmp_path: Path) -> Callable[..., str]:
    """A function that runs one of the examples; its standard output."""

    def run(name: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, str(ROOT / "examples" / name), "--out", str(tmp_path), *arguments],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_example_builds_and_runs_a_scenario(run_example: Callable[..., str], tmp_path: Path) -> None:
    assert run_example("build_a_scenario.py").startswith("settled: ")
    (summary,) = tmp_path.glob("*/summary.json")
    assert json.loads(summary.read_bytes())["scenario"] == "street"


def test_example_compares_strategies(run_example: Callable[..., str], tmp_path: Path) -> None:
    lines = run_example("compare_strategies.py", "--seeds", "2").splitlines()
    assert [line.split()[0] for line in lines] == ["equal", "fill-largest-first"]
    assert len(list(tmp_path.glob("*/summary.json"))) == 4


def test_readme_has_bidswarm_on_the_path_before_its_first_command() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    first = next(place for place, line in enumerate(commands) if line.startswith("bidswarm "))
    assert any(line.startswith("source .venv/bin/activate ") for line in commands[:first])
    assert "source $(BIN)/activate" in (ROOT / "Makefile").read_text(encoding="utf-8")
