"""docs/security.md says of every attack what it costs the honest, and where the attacker is named."""

import re
from pathlib import Path

import pytest

from tests.mqtt.hostile import test_hostile_buyers as buyers
from tests.mqtt.hostile import test_hostile_hosts as hosts
from tests.mqtt.hostile import test_hostile_sellers as sellers
from tests.mqtt.hostile.attackers import PATIENCE_S, QUIET_S, Attacker

PAGE = Path(__file__).parents[3] / "docs" / "security.md"

ATTACKS: list[type[Attacker]] = [*buyers.ATTACKS, *sellers.ATTACKS, *hosts.ATTACKS]


def named_in(attack: type[Attacker]) -> str:
    """Where the result names the attacker."""
    if issubclass(attack, buyers.Struck):
        return "`struck_out`"
    if issubclass(attack, sellers.Oversold):
        return "`bidswarm ledger`: `oversold`"
    if issubclass(attack, sellers.Exposed) and attack.lies:
        return f"`exposed_sellers`: {attack.lies[0]}"
    if issubclass(attack, buyers.Rejected | sellers.Rejected | hosts.Rejected):
        return "`rejected_from`"
    if issubclass(attack, hosts.Throttled):
        return "`throttled`"
    return "nothing arrives" if issubclass(attack, hosts.Trespassing) else "not named"


def pays(attack: type[Attacker]) -> str:
    """What the honest buyers pay, money."""
    if issubclass(attack, sellers.Exposed):
        prices = [attack.price_at(where) for where in attack.buys] or [0.0, 0.0]
        return " and ".join(f"{price * sellers.DEMAND:g}" for price in prices)
    return f"{attack.pays:g}" if attack.pays == attack.most else f"{attack.pays:g} to {attack.most:g}"


def rows() -> dict[str, list[str]]:
    """By attack: the cells of its row."""
    tables = PAGE.read_text(encoding="utf-8").partition("### Attacks of buyers, sellers and hosts")[2]
    lines = re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", tables.partition("\n### ")[0], re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in lines}


def test_every_attack_has_its_row() -> None:
    assert list(rows()) == [attack.name for attack in ATTACKS]
    assert len(ATTACKS) >= 30


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_row_of_an_attack_says_what_its_test_asserts(attack: type[Attacker]) -> None:
    cells = rows()[attack.name]
    assert (cells[1], cells[-1]) == (pays(attack), named_in(attack))
    if attack in buyers.ATTACKS:
        assert float(cells[2]) <= PATIENCE_S / QUIET_S + 2  # later than a calm group, which takes a quiet period
