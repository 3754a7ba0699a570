"""The locks pin all that set-up installs, extras included: else an old pip takes the newest release, or refuses."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def pinned(text: str) -> list[Requirement]:
    """What the lines of a lock pin on this machine, with the extras that they name."""
    lines = re.findall(r"^([A-Za-z0-9].*?)(?: \\)?$", text, re.MULTILINE)
    pins = map(Requirement, lines)
    return [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]


def missing(pins: list[Requirement]) -> list[str]:
    """What the pinned distributions that are installed here ask for and no pin grants."""
    granted = {canonicalize_name(pin.name): pin for pin in pins}
    lacks = []
    for pin in pins:
        try:
            asked = metadata.requires(pin.name) or []
        except metadata.PackageNotFoundError:
            continue  # of a lock that is not installed here: make locks-hold asks pip
        for wanted in map(Requirement, asked):
            if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *pin.extras)):
                continue
            grant = granted.get(canonicalize_name(wanted.name))
            if grant is None or wanted.extras - grant.extras or not wanted.specifier.contains(version(grant)):
                lacks.append(f"{pin.name} asks for {wanted}")
    return lacks


def version(pin: Requirement) -> str:
    (only,) = pin.specifier
    assert only.operator == "=="
    return only.version


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_grants_all_that_its_distributions_ask_for(lock: Path) -> None:
    pins = pinned(lock.read_text())
    assert pins
    assert missing(pins) == []


def test_lock_without_an_extra_that_is_asked_for_is_found_out() -> None:
    text = (ROOT / "requirements-dev.lock").read_text()
    assert "coverage[toml]==" in text
    lacks = missing(pinned(text.replace("coverage[toml]==", "coverage==")))
    assert [lack.partition(">=")[0] for lack in lacks] == ["pytest-cov asks for coverage[toml]"]


def test_lock_of_development_is_what_is_installed() -> None:
    """So that the tests above read the metadata of what the lock pins."""
    pins = pinned((ROOT / "requirements-dev.lock").read_text())
    assert {pin.name: metadata.version(pin.name) for pin in pins} == {pin.name: version(pin) for pin in pins}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pin_has_a_hash_and_no_registry_is_named(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    for block in re.split(r"\n(?=[A-Za-z0-9])", text)[1:]:
        assert "--hash=sha256:" in block


def test_locks_agree() -> None:
    versions: dict[tuple[str, str], set[str]] = {}
    for lock in LOCKS:
        for pin in pinned(lock.read_text()):
            versions.setdefault((pin.name, str(pin.marker)), set()).add(version(pin))
    assert [name for name, found in versions.items() if len(found) > 1] == []
