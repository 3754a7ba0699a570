"""A run whose frames are signed with the keys of a profile."""

from pathlib import Path

import pytest

from broker.own.credentials import new_signing_key, public_key
from broker.profile import BrokerProfile, BrokerTable, SigningTable, write_profile
from scenarios.launch import observer
from scenarios.launch.run import BrokenRunError, run
from tests.mqtt.conftest import Mosquitto


@pytest.mark.mosquitto
def test_run_with_the_keys_of_a_profile_signs_everything(mosquitto: Mosquitto, tmp_path: Path) -> None:
    key = new_signing_key()
    signing = SigningTable(key, {"*": public_key(key)})
    profile = tmp_path / "launcher.toml"
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    write_profile(profile, BrokerProfile(1, "launcher", "launcher", BrokerTable(url, "unused"), signing))

    result = run("two-sellers", profile=profile, hosts=2, out=tmp_path / "runs")

    assert result.summary.status == "settled"
    assert result.summary.sold == pytest.approx(150.0, abs=1e-6)
    assert not [reason for reason in result.counters if reason.startswith("rejected")]
    assert not [path for path in (tmp_path / "runs").rglob("*") if path.is_file() and key.encode() in path.read_bytes()]


@pytest.mark.mosquitto
def test_run_whose_keys_do_not_fit_never_opens(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No buyer believes the seller's post, so no host of buyers gets ready."""
    signing = SigningTable(new_signing_key(), {"*": public_key(new_signing_key())})
    profile = tmp_path / "launcher.toml"
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    write_profile(profile, BrokerProfile(1, "launcher", "launcher", BrokerTable(url, "unused"), signing))

    for start_s in (2.0, 10.0, 60.0):  # until which the workers must have connected, however busy the machine is
        monkeypatch.setattr(observer, "START_S", start_s)
        with pytest.raises(BrokenRunError, match="not ready after") as broken:
            run("two-sellers", profile=profile, hosts=2, out=tmp_path / "runs")
        assert broken.value.result.summary.sold == 0.0
        if refused := broken.value.result.counters.get("rejected: bad signature", 0):
            break
    assert refused > 0
