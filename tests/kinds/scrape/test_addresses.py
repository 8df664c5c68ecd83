"""The table of addresses: what is public, what is embedded, what the spec allows."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.kinds.scrape.addresses import Allowed, BlockedAddress, check, is_public, parse


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "fec0::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2002:0a00:0001::1",
        "2001:0:53aa:64c:0:fbff:f5ff:fffe",
        "::127.0.0.1",
    ],
)
def test_this_address_is_not_public(address: Any) -> None:
    assert not is_public(parse(address))
    with pytest.raises(BlockedAddress):
        check("host.example", ["93.184.216.34", address], Allowed())


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_this_address_is_public(address: Any) -> None:
    assert check("host.example", [address], Allowed()) == [address]


@pytest.mark.parametrize(
    ("allowed", "host", "address"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "board.test", "127.0.0.1"),
        ("127.0.0.1", "board.test", "::ffff:127.0.0.1"),
        ("10.0.0.0/8", "intranet", "10.20.30.40"),
        ("fd00::/8", "intranet", "fd12::1"),
        ("LocalHost.", "localhost", "127.0.0.1"),
        ("[::1]", "::1", "::1"),
    ],
)
def test_what_the_spec_allows_passes(allowed: Any, host: Any, address: Any) -> None:
    assert check(host, [address], Allowed([allowed])) == [address]


@pytest.mark.parametrize(
    ("allowed", "host", "address"), [("localhost", "evil.example", "127.0.0.1"), ("10.0.0.1", "x", "10.0.0.2")]
)
def test_what_the_spec_allows_is_nothing_more(allowed: Any, host: Any, address: Any) -> None:
    with pytest.raises(BlockedAddress):
        check(host, [address], Allowed([allowed]))
