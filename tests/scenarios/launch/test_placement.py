from node.protocol.wire.limits import Limits
from scenarios.launch.placement import build_hosts, own_host_names, spread
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market


def test_launched_hosts_trust_each_other_and_limit_all_others() -> None:
    market = draw_market(load("two-sellers", ["buyers.0.device=phone"]), 1)
    placement = spread(market, 2)
    hosts = build_hosts(market, placement, set(own_host_names(market, placement)), limits=Limits())
    assert [host.name for host in hosts] == ["host-1", "host-2"]
    for host in hosts:
        assert (host.trusts("host-1"), host.trusts("host-2"), host.trusts("phone")) == (True, True, False)


def test_a_device_may_say_to_each_node_of_a_launched_host_what_a_stranger_may_say_in_all() -> None:
    for settings, times in ((["buyers.0.device=phone"], 3), ([], 1)):
        market = draw_market(load("two-sellers", settings), 1)
        placement = spread(market, 2)
        hosts = build_hosts(market, placement, {"host-1", "host-2"}, limits=Limits())
        allowed = {len(host.machines): host.limits.messages_per_s for host in hosts if host.limits}
        assert allowed[3] == times * Limits().messages_per_s


def test_simulated_hosts_have_no_limits() -> None:
    market = draw_market(load("two-sellers"), 1)
    (host,) = build_hosts(market, spread(market, 1), {"host-1"})
    assert host.limits is None
