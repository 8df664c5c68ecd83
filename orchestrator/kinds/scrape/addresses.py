"""Which addresses may be connected to: public ones, and those that the spec allows by name, address or network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_SHARED: Final = ipaddress.IPv4Network("100.64.0.0/10")
_LOW_32: Final = 0xFFFFFFFF


class BlockedAddress(Exception):
    """A host that leads to an address which isn't public."""


@lru_cache(maxsize=4096)
def parse(host: str) -> Address | None:
    """Return the address that a host is written as, None for a name. A zone (`%eth0`) isn't accepted."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def is_public(address: Address) -> bool:
    """Whether an address lies in the public internet, also what is embedded in it: v4-mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and address not in _SHARED
    embedded = _embedded(address)
    if embedded is not None:
        return is_public(embedded)
    return address.is_global and not address.is_multicast and not address.is_site_local and not address.is_reserved


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64) or address in _COMPATIBLE:
        return IPv4Address(int(address) & _LOW_32)
    return None


class Allowed:
    """What `allow_private_hosts` names: hosts by name, addresses, networks. Immutable, thread-safe."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self.given = tuple(hosts)
        self._names: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for host in self.given:
            try:
                self._networks.append(ipaddress.ip_network(host.strip("[]"), strict=False))
            except ValueError:
                self._names.add(host.lower().rstrip("."))

    def names(self, host: str) -> bool:
        """Whether the host itself is allowed, whatever it resolves to."""
        address = parse(host)
        if address is not None:
            return self.holds(address)
        return host.lower().rstrip(".") in self._names

    def holds(self, address: Address) -> bool:
        """Whether the address lies in an allowed network."""
        plain = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
        return any(plain.version == network.version and plain in network for network in self._networks)


@lru_cache(maxsize=16)
def allowed_hosts(hosts: tuple[str, ...]) -> Allowed:
    """Return what `allow_private_hosts` names, read once."""
    return Allowed(hosts)


def check(host: str, found: Iterable[str], allowed: Allowed) -> list[str]:
    """Return the addresses that a host resolved to, if all of them may be connected to. Raises BlockedAddress.

    One private address among public ones blocks the host: which of them a connection takes is the resolver's choice.
    """
    addresses = list(dict.fromkeys(found))
    if allowed.names(host):
        return addresses
    for text in addresses:
        address = parse(text.partition("%")[0])
        if address is None or not (is_public(address) or allowed.holds(address)):
            raise BlockedAddress(f"{host} leads to an address that isn't public")
    return addresses
