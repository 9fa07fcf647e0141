"""What all ports of one directory share: policies, counters, faults on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from rehearsal.armed_faults import ArmedFaults
from rehearsal.directory import failures
from rehearsal.directory.failures import LdapError
from rehearsal.directory.holds import WriteHolds
from rehearsal.directory.messages import ADD, BIND, COMPARE, DELETE, EXTENDED, MODIFY, MODIFY_DN, SEARCH
from rehearsal.directory.store import DirectoryStore

OPERATIONS = {
    BIND: "bind",
    SEARCH: "search",
    ADD: "add",
    MODIFY: "modify",
    MODIFY_DN: "modify-dn",
    DELETE: "delete",
    COMPARE: "compare",
    EXTENDED: "extended",
}
"""Tag of a request to the name under which it is counted and can meet a fault."""
FAULTS = {
    "busy": failures.busy,
    "unavailable": failures.unavailable,
    "admin-limit": failures.admin_limit,
}
KINDS = (*FAULTS, "cut", "slow")
"""``cut`` closes the connection instead of answering; ``slow`` answers properly, but late."""


@dataclass
class QueryPolicy:
    """Limits of AD's default query policy ([MS-ADTS], section 3.1.1.3.4.6), and whether signing is required.

    Attributes:
        max_page_size: Objects in one answer.
        max_value_range: Values of one attribute in one answer.
        max_query_duration: Seconds that a search may take.
        max_result_sets: Paged searches of one connection that may wait for their next page.
        require_signing: Whether a simple bind without TLS is refused (LDAPServerIntegrity 2).
    """

    max_page_size: int = 1000
    max_value_range: int = 1500
    max_query_duration: float = 120.0
    max_result_sets: int = 10
    require_signing: bool = False

    def change(self, values: Mapping[str, object]) -> None:
        """Set fields by name; raises ValueError for an unknown one, a wrong kind or a limit below 1."""
        kinds = {item.name: type(getattr(self, item.name)) for item in fields(self)}
        for name, value in values.items():
            kind = kinds.get(name)
            if kind is None:
                raise ValueError(f"no setting {name}; there are {', '.join(kinds)}")
            number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 1
            fits = isinstance(value, bool) if kind is bool else number and isinstance(value, kind | int)
            if not fits:
                raise ValueError(f"{name} cannot be {value!r}")
        for name, value in values.items():
            setattr(self, name, value)


@dataclass
class DirectoryTraffic:
    """What came and went since the start or the last reset, on all ports together."""

    connections: int = 0
    open_connections: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    """Result codes other than success and those of compare, and how often."""
    entries: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    def clear(self) -> None:
        """Count from zero; connections that are open stay counted as open."""
        self.connections = self.entries = self.bytes_in = self.bytes_out = 0
        self.operations.clear()
        self.refused.clear()

    def shown(self) -> dict[str, object]:
        """For the status as JSON."""
        return {
            "connections": self.connections,
            "open_connections": self.open_connections,
            "operations": {name: self.operations[name] for name in OPERATIONS.values()},
            "refused": {str(code): count for code, count in sorted(self.refused.items())},
            "entries": self.entries,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
        }


@dataclass(frozen=True)
class DirectoryFault:
    """What the next matching requests meet.

    Attributes:
        kind: One of ``KINDS``.
        count: How many requests.
        skip: How many matching requests pass unharmed first.
        operation: A name of ``OPERATIONS``; empty for all of them.
        seconds: Delay of ``slow``.
        after: With ``cut``: entries of a search that go out before the connection is cut; a write takes effect first
            where it is more than 0.
    """

    kind: str
    count: int = 1
    skip: int = 0
    operation: str = ""
    seconds: float = 0.0
    after: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.operation and self.operation not in OPERATIONS.values():
            raise ValueError(f"operation is one of {', '.join(OPERATIONS.values())}, not {self.operation!r}")
        if self.count < 1 or self.skip < 0 or self.seconds < 0 or self.after < 0:
            raise ValueError("count is at least 1; skip, seconds and after are not negative")

    def refusal(self) -> LdapError | None:
        """The answer of a fault that is one."""
        made = FAULTS.get(self.kind)
        return made() if made is not None else None


class DirectoryFaults(ArmedFaults[DirectoryFault]):
    """Faults waiting for their requests."""

    def next_for(self, operation: str) -> DirectoryFault | None:
        """The fault that this request meets, or None."""
        return self.take(lambda fault: fault.operation in ("", operation))


@dataclass
class Service:
    """A directory as its ports serve it; ``policy`` is what a reset goes back to."""

    store: DirectoryStore
    holds: WriteHolds = field(default_factory=WriteHolds)
    policy: QueryPolicy = field(default_factory=QueryPolicy)
    faults: DirectoryFaults = field(default_factory=DirectoryFaults)
    traffic: DirectoryTraffic = field(default_factory=DirectoryTraffic)

    def __post_init__(self) -> None:
        self._first_policy = replace(self.policy)

    def reset(self) -> None:
        """Release what is held; forget faults, counters and changed policies. The store is left alone."""
        self.holds.reset()
        self.policy = replace(self._first_policy)
        self.faults.clear()
        self.traffic.clear()
