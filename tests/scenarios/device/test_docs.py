"""docs/devices.md says what the command does."""

import re
from pathlib import Path

import msgspec
import pytest

from broker import read_profile
from scenarios.device.device import build
from scenarios.device.narrator import TEXTS
from scenarios.device.options import settings_of
from scenarios.device.schema import AuctionTable, BuyerTable, NodeFile, SellerTable
from scenarios.device.settings import read_settings

PAGE = (Path(__file__).parents[3] / "docs" / "devices.md").read_text(encoding="utf-8")
TABLES = {"auction": AuctionTable, "seller": SellerTable, "buyer": BuyerTable}
SETTINGS = {setting.name: setting for setting in settings_of(NodeFile)}
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def example(line: str) -> str:
    """The one example of a file that has this line."""
    (found,) = [text for text in EXAMPLES if line in text.splitlines()]
    return found


def codes(heading: str) -> set[str]:
    """Every name in code type in the first column of the table below a heading."""
    text = re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_the_example_of_a_sellers_file_makes_a_seller(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(example('role = "seller"'))
    assert build(read_settings(tmp_path / "node.toml", {})).address == "pi/pi"


def test_the_example_of_a_buyers_file_makes_a_buyer_with_the_profile_by_hand(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(example('role = "buyer"'))
    (tmp_path / "alice.toml").touch(0o600)
    (tmp_path / "alice.toml").write_text(example('role = "host"'))
    assert read_profile(tmp_path / "alice.toml").name == "alice"
    device = build(read_settings(tmp_path / "node.toml", {}))
    assert device.machine.watches == {"shop/shop", "pi/seller-2"}


def test_every_key_of_a_file_is_documented_and_every_documented_one_exists() -> None:
    keys = {field.encode_name for field in msgspec.structs.fields(NodeFile)} - set(TABLES)
    keys |= {f"{name}.{field.encode_name}" for name, table in TABLES.items() for field in msgspec.structs.fields(table)}
    assert codes("A file instead of options") == keys


DEFAULTS: dict[str, type[msgspec.Struct]] = {
    "--clearing-interval": AuctionTable,
    "--quiet-period": AuctionTable,
    "--open-at-least": AuctionTable,
    "--retry": AuctionTable,
    "--reserve-price": SellerTable,
    "--linger": NodeFile,
    "--keepalive": NodeFile,
    "--metrics-address": NodeFile,
}


@pytest.mark.parametrize("option", DEFAULTS)
def test_the_help_of_an_option_names_the_default_of_its_key(option: str) -> None:
    setting = SETTINGS[option]
    (field,) = [one for one in msgspec.structs.fields(DEFAULTS[option]) if one.encode_name == setting.place[-1]]
    default = f"{field.default:g}" if isinstance(field.default, float | int) else field.default
    assert re.search(rf"; {default} if not given\.$", setting.option.text)


def test_every_default_of_an_option_is_held_by_a_test() -> None:
    numbers = {name for name, one in SETTINGS.items() if re.search(r"; [\d.]+ if not given", one.option.text)}
    assert numbers == set(DEFAULTS)


def test_every_option_is_documented_and_every_documented_one_exists() -> None:
    options = {*SETTINGS, "--log-format"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE.replace("| the same with hyphens |", "")))
    named |= {"--metrics-port", "--metrics-address"}
    foreign = {"--address", "--follow", "--hosts", "--now", "--only-binary", "--platform", "--set"}
    foreign |= {"--system-site-packages", "--unit"}
    assert named - foreign == options


def test_every_option_stands_in_the_row_of_its_key() -> None:
    """One of a kind of valuation, or of strategy, stands in the row of their table."""
    rows = [row for row in re.findall(r"^\|([^|]*)\|([^|]*)\|", PAGE, re.MULTILINE) if "`" in row[0]]
    options = {key: cell for keys, cell in rows for key in re.findall(r"`([^`]+)`", keys)}
    for name, setting in SETTINGS.items():
        cell = options[".".join(setting.place[:2])]
        assert f"`{name}`" in cell or cell == " the same with hyphens ", name


def test_every_event_is_documented_and_every_documented_one_exists() -> None:
    assert codes("What it says") == set(TEXTS)
