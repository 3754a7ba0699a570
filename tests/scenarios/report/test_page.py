"""The page of a run: true to its files, fit for anybody to open."""

import html
import itertools
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from scenarios.errors import ScenarioError
from scenarios.files.toml import to_toml
from scenarios.launch.run import run
from scenarios.markets.dmp.results import CallResult, CallSummary
from scenarios.markets.load import load, shipped
from scenarios.markets.psp.results import Result, Summary
from scenarios.markets.psp.schema import Buyers, FlatValuation, Scenario, Sellers
from scenarios.markets.registry import kinds
from scenarios.report.finish import remains_of
from scenarios.report.page import MOST_COLUMNS, MOST_ROWS, write_page
from scenarios.report.report import Report, report_on
from scenarios.report.svg import inline
from scenarios.results.tables import LABELS
from tests.scenarios.report.page import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

WORLDS = [("neighbourhood", "sim"), ("neighbourhood", "array"), ("chaos", "sim"), ("network-selection", "sim")]


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


@pytest.fixture(scope="module", params=WORLDS, ids="-".join)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    name, world = request.param
    limit_s = {"network-selection": 8.0}.get(name)
    out = tmp_path_factory.mktemp("runs")
    return report_on(run(name, world=world, timeout_s=limit_s, out=out, pictures=False).run_dir)


def as_shown(value: Any) -> str:
    """What a page has of a value of a table."""
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def test_every_number_of_the_page_is_that_of_the_files(made: Report) -> None:
    folder, page = made.page.parent, Page(made.page)
    summary = json.loads((folder / "summary.json").read_text())
    tables = {path.stem: pq.read_table(path) for path in folder.glob("*.parquet") if path.stem != "events"}

    assert page.figures == {key: str(summary[key]) for key in page.figures}
    assert len(page.figures) > 8
    assert tables.keys() <= page.tables.keys()
    for name, table in tables.items():
        heads, rows = page.tables[name]
        assert heads == [name for name in table.column_names if name not in LABELS][:MOST_COLUMNS]
        wanted = table.select(heads).slice(0, MOST_ROWS).to_pylist()
        assert rows == [[as_shown(value) for value in row.values()] for row in wanted]
        if table.num_rows > MOST_ROWS:
            assert f"{table.num_rows - MOST_ROWS:,} more rows" in made.page.read_text(encoding="utf-8")


def test_the_figures_add_up_to_those_of_the_parquet_files(made: Report) -> None:
    """The page, the summary and the tables tell one story, whichever of them is asked."""
    folder, figures = made.page.parent, Page(made.page).figures
    if "calls" in figures:
        calls = pq.read_table(folder / "calls.parquet").to_pandas()
        assert int(figures["calls"]) == len(calls)
        assert int(figures["served"]) == (calls.outcome == "served").sum()
        assert float(figures["paid"]) == pytest.approx(calls.price[calls.outcome == "served"].sum())
    else:
        bids = pq.read_table(folder / "bids.parquet").to_pandas()
        buyers = pq.read_table(folder / "buyers.parquet").to_pandas()
        assert float(figures["sold"]) == pytest.approx(bids.allocation_mb.sum())
        assert float(figures["revenue"]) == pytest.approx(bids.charge.sum())
        assert float(figures["welfare"]) == pytest.approx(buyers.value.sum())
        assert int(figures["bids"]) == buyers.bids.sum()


def test_the_page_loads_and_runs_nothing(made: Report) -> None:
    page = Page(made.page)
    loading = {"script", "link", "iframe", "object", "embed", "base", "form", "img", "audio", "video", "foreignobject"}

    assert not loading & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name, value in attributes.items():
            if name.endswith(("href", "src")):
                assert (value or "").startswith(("#", "data:image/png;"))
    assert "@import" not in page.text
    assert "url(http" not in page.text
    assert """content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">""" in page.text


def test_everybody_can_read_the_page(made: Report) -> None:
    page = Page(made.page)
    tags = [tag for tag, _ in page.tags]

    assert (tags.count("h1"), tags.count("main")) == (1, 1)
    assert ("html", {"lang": "en"}) in page.tags
    headings = [int(tag[1]) for tag in tags if tag in {"h1", "h2", "h3"}]
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    assert all(attributes.get("scope") == "col" for tag, attributes in page.tags if tag == "th")
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert pictures
    for one in pictures:
        assert one["role"] == "img"
        assert one["aria-labelledby"] in names
    assert {value[1:] for tag, a in page.tags if tag == "a" if (value := a["href"])} <= set(names)
    assert "prefers-color-scheme: dark" in page.text
    assert "@media print" in page.text


def test_the_same_folder_gives_the_same_page_and_pictures(made: Report) -> None:
    folder = made.page.parent
    names = [made.page, *folder.glob("*.svg"), *folder.glob("*.pdf"), *folder.glob("*.png")]
    before = {path.name: path.read_bytes() for path in names}
    assert len(before) in {4, 7}
    report_on(folder)

    assert {path.name: path.read_bytes() for path in names} == before


def test_the_command_of_the_page_repeats_the_run(made: Report, tmp_path: Path) -> None:
    folder = made.page.parent
    command = html.unescape(Page(made.page).text).rpartition("<code>bidswarm ")[2].partition("</code>")[0]
    program = [sys.executable, "-m", "scenarios.cli.main"]
    words = [*program, *shlex.split(command), "--no-pictures", "--format", "json", "--out", str(tmp_path)]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    again, summary = json.loads(done.stdout), dict(made.summary)

    assert again.pop("run_dir") != summary.pop("run_dir")
    assert again == summary


HOSTILE = "<script>alert(1)</script>\"&'</title>"


def test_what_other_people_have_named_or_written_stays_text(tmp_path: Path) -> None:
    scenario = Scenario(
        name="plain",
        title=HOSTILE,
        description=f"</pre>{HOSTILE}",
        sellers=[Sellers(name="s", supply_mb=10.0)],
        buyers=[Buyers(name="b", valuation=FlatValuation(demand_mb=8.0, value_per_mb=3.0))],
    )
    folder = run(scenario, world="sim", out=tmp_path).run_dir
    before = Page(report_on(folder).page)
    # A stranger's node may be called anything as far as a summary goes.
    summary = json.loads((folder / "summary.json").read_text())
    put = {**summary, "struck_out": {HOSTILE: [HOSTILE]}, "advice": [HOSTILE], "faults": [{HOSTILE: HOSTILE}]}
    (folder / "summary.json").write_text(json.dumps(put), encoding="utf-8")
    _, path = write_page(folder, remains_of(folder))
    after = Page(path)

    for page in (before, after):
        assert "script" not in {tag for tag, _ in page.tags}
        assert "<script" not in page.text
        assert page.text.count("</title>") == 1 + page.text.count("<svg")
    assert after.tables["Struck out"] == (["what", "value"], [[HOSTILE, HOSTILE]])


def test_a_picture_in_a_page_draws_and_does_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "p.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" onload="x()">'
        '<script>x()</script><foreignObject/><a href="http://x"><path/></a>'
        '<defs><clipPath id="c"><rect/></clipPath></defs>'
        '<g clip-path="url(#c)" onclick="x()"><use xlink:href="#c"/><use xlink:href="http://x"/>'
        '<image xlink:href="data:image/png;base64,AA"/><image href="data:text/html,x"/></g></svg>',
        encoding="utf-8",
    )
    drawn = inline(tmp_path / "p.svg", 'a "title" <b>')
    assert drawn == (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        'aria-labelledby="p-title"><title id="p-title">a "title" &lt;b&gt;</title>'
        '<defs><clipPath id="p-c"><rect /></clipPath></defs>'
        '<g clip-path="url(#p-c)"><use xlink:href="#p-c" /><use />'
        '<image xlink:href="data:image/png;base64,AA" /><image /></g></svg>'
    )


def test_a_file_that_is_no_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "p.svg").write_text("<svg>", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"p.svg is no SVG"):
        inline(tmp_path / "p.svg", "")


@pytest.mark.parametrize("name", shipped())
def test_a_scenario_written_as_a_file_is_read_as_the_same(name: str, tmp_path: Path) -> None:
    scenario = load(name)
    (tmp_path / "again.toml").write_text(to_toml(msgspec.to_builtins(scenario)), encoding="utf-8")
    assert load(str(tmp_path / "again.toml")) == scenario


def test_odd_keys_and_texts_of_a_scenario_are_quoted() -> None:
    tables = {
        "a b": 'x"\n\x7fé',
        "none": None,
        "empty": [],
        "deep": {"c": [{"d.e": {"f": True}}], "g": {"distribution": 1}},
    }
    read = msgspec.toml.decode(to_toml(tables))
    assert read == {key: value for key, value in tables.items() if value is not None}


@pytest.mark.parametrize(("name", "summary", "result"), [("psp", Summary, Result), ("dmp", CallSummary, CallResult)])
def test_a_market_says_what_its_own_figures_and_pictures_mean(name: str, summary: Any, result: Any) -> None:
    kind = kinds()[name]
    assert kind.figures.keys() <= set(summary.__struct_fields__)
    assert tuple(kind.pictures) == result.PICTURES


def test_without_jinja2_nothing_is_computed(
    tmp_path: Path, said: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run("two-sellers", world="sim", out=tmp_path, pictures=False).run_dir
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    monkeypatch.setitem(sys.modules, "jinja2", None)
    code, _, stderr = said("report", str(folder))

    assert code == 2
    assert "this needs jinja2, which comes with the extra analysis" in stderr
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.skipif(CHROMIUM is None, reason="NOT OPENED IN A BROWSER: chromium is not installed")
def test_a_real_browser_shows_the_page_without_network(made: Report, tmp_path: Path) -> None:
    assert CHROMIUM
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    private = [f"--user-data-dir={tmp_path / 'profile'}", "--proxy-server=127.0.0.1:9"]
    narrow, picture = "--window-size=390,2000", tmp_path / "page.png"
    shot = [CHROMIUM, *options, *private, narrow, f"--screenshot={picture}", made.page.as_uri()]
    subprocess.run(shot, check=True, capture_output=True, timeout=120)
    dump = [CHROMIUM, *options, *private, "--dump-dom", "--enable-logging=stderr", made.page.as_uri()]
    shown = subprocess.run(dump, check=True, capture_output=True, timeout=120, text=True)

    assert picture.stat().st_size > 20_000
    assert "Content Security Policy" not in shown.stderr  # which the browser says of what it refuses
    (tmp_path / "shown.html").write_text(shown.stdout, encoding="utf-8")
    page, seen = Page(made.page), Page(tmp_path / "shown.html")
    assert (seen.figures, seen.tables) == (page.figures, page.tables)
