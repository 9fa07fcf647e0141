"""Exchange's releases: what version numbers in AD say, and which tools a release is managed with."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from importlib.resources import files
from itertools import groupby
from typing import NamedTuple

from runbook_lib.model.cloud import Switch
from runbook_lib.model.text import Text, joined, t, verbatim


class Build(NamedTuple):
    """A product build, for example 15.2.1748.10; revision 0 where a source does not give it."""

    major: int
    minor: int
    build: int = 0
    revision: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.build}.{self.revision}"


@dataclass(frozen=True, slots=True)
class Release:
    """One release. None where setup did not write that number or no source gives it."""

    position: int
    """Place in the table: a later release has a higher one."""
    product: str
    release: str
    build: Build | None
    schema: int
    organization: int | None
    domains: tuple[int, ...]
    support_ends: date
    source: str

    @property
    def name(self) -> str:
        """``Exchange Server 2019 CU15``."""
        return f"{self.product} {self.release}"


@dataclass(frozen=True)
class VersionTable:
    """All releases, oldest first."""

    releases: tuple[Release, ...]

    @cached_property
    def newest(self) -> Release:
        """The last release that the table knows."""
        return self.releases[-1]

    def named(self, name: str) -> Release:
        """The release of that name; raises LookupError where there is none."""
        for release in self.releases:
            if release.name == name:
                return release
        raise LookupError(name)

    def with_schema(self, value: int) -> tuple[Release, ...]:
        """Releases whose setup writes this rangeUpper; not ordered by product (14622 is 2007 SP2 and 2010 RTM)."""
        return tuple(r for r in self.releases if r.schema == value)

    def with_organization(self, value: int) -> tuple[Release, ...]:
        """Releases whose setup writes this objectVersion of the organization."""
        return tuple(r for r in self.releases if r.organization == value)

    def with_domain(self, value: int) -> tuple[Release, ...]:
        """Releases whose setup, or an update of which, writes this objectVersion of the domain preparation."""
        return tuple(r for r in self.releases if value in r.domains)

    def of_build(self, build: Build) -> Release | None:
        """The release that a server of this build runs, or None for a build that is no release of the table.

        Security updates raise only the revision. A build between two releases belongs to the earlier one.
        """
        same_product = [r for r in self.releases if r.build and r.build[:2] == build[:2]]
        reached = [r for r in same_product if r.build and r.build[:3] <= build[:3]]
        if not reached or self.is_newer(build):
            return None
        return reached[-1]

    def is_newer(self, build: Build) -> bool:
        """Whether the build is later than everything that the table knows."""
        return self.newest.build is not None and build[:3] > self.newest.build[:3]


@cache
def load_versions() -> VersionTable:
    """The table that comes with this program."""
    text = files("runbook_lib.exchange").joinpath("versions.csv").read_text(encoding="utf-8")
    rows = enumerate(csv.DictReader(text.splitlines()))
    return VersionTable(tuple(_release(position, row) for position, row in rows))


def spans(releases: Iterable[Release]) -> Text:
    """Releases in few words: neighbours of one product become ``Exchange Server 2019 CU10 to CU14``."""
    runs: list[Text] = []
    # Neighbours have the same difference between their place in the table and their place in the selection.
    numbered = enumerate(sorted(releases, key=lambda r: r.position))
    for _, group in groupby(numbered, key=lambda pair: (pair[1].product, pair[1].position - pair[0])):
        run = [release for _, release in group]
        first, last = run[0], run[-1]
        several = t("{first} to {last}", first=first.name, last=last.release)
        runs.append(verbatim(first.name) if len(run) == 1 else several)
    return joined(runs, t(" or "))


_SERIAL = re.compile(r"Version (\d+)\.(\d+) \(Build (\d+)\.(\d+)[^)]*\)", re.ASCII)
_SERIAL_OFFSET = 30000
"""Since Exchange 2007 the serial number's build is the real one plus this."""


def build_of_serial(text: str) -> Build | None:
    """The build in a server's serialNumber, ``Version 15.2 (Build 31748.10)``; None for another form."""
    match = _SERIAL.fullmatch(text.strip())
    if not match:
        return None
    major, minor, build, revision = map(int, match.groups())
    return Build(major, minor, build - _SERIAL_OFFSET if build >= _SERIAL_OFFSET else build, revision)


def build_of_version_number(value: int) -> Build | None:
    """The build in a server's versionNumber (32 bits: 4 structure, 6 major, 6 minor, 1 flag, 15 build).

    The layout is that of ServerVersion in Microsoft's Exchange Web Services and Autodiscover reference.
    """
    value &= 0xFFFFFFFF
    if value >> 28 != 7:
        return None
    return Build((value >> 22) & 0x3F, (value >> 16) & 0x3F, value & 0x7FFF)


_ROLES = (
    (2, "Mailbox"),
    (4, "Client Access"),
    (16, "Unified Messaging"),
    (32, "Hub Transport"),
    (64, "Edge Transport"),
)


def role_names(value: int) -> tuple[str, ...]:
    """The roles in msExchCurrentServerRoles; bits without a documented name are left out."""
    return tuple(name for bit, name in _ROLES if value & bit)


def _release(position: int, row: dict[str, str]) -> Release:
    domains = (row["domain"], row["domain_after_update"])
    return Release(
        position=position,
        product=row["product"],
        release=row["release"],
        build=Build(*map(int, row["build"].split("."))) if row["build"] else None,
        schema=int(row["schema"]),
        organization=int(row["organization"]) if row["organization"] else None,
        domains=tuple(int(value) for value in domains if value),
        support_ends=date.fromisoformat(row["support_ends"]),
        source=row["source"],
    )


SHELL_SINCE = "Exchange Server 2007 RTM"
WIZARD_SINCE = "Exchange Server 2010 SP2"
SCHEMA_REFERENCE = (
    'Microsoft, "Exchange Server Changes to the Active Directory Schema" (Active Directory Schema Changes Reference)'
)


@dataclass(frozen=True, slots=True)
class Tools:
    """Tools in words.

    Attributes:
        shell: Whether there is the Exchange Management Shell.
        wizard: Whether there is the Hybrid Configuration Wizard.
        name: What one looks with.
        prepare_forest: Setup's switch for schema and organization.
        prepare_domain: Setup's switch for a domain.
    """

    shell: Switch
    wizard: Switch
    name: str
    prepare_forest: str
    prepare_domain: str


def tools_of(shell: Switch, wizard: Switch) -> Tools:
    """The tools of an organization; where its release is not known, those of both kinds are named."""
    new = (t("the Exchange Management Shell"), "Setup /PrepareAD", "Setup /PrepareDomain")
    old = (t("Exchange System Manager"), "Setup /ForestPrep", "Setup /DomainPrep")
    if shell is Switch.ON:
        return Tools(shell, wizard, *new)
    if shell is Switch.OFF:
        return Tools(shell, wizard, *old)
    both = (
        t("{one} (Exchange Server 2007 or newer) or {other} (2000 and 2003)", one=one, other=other)
        for one, other in zip(new, old, strict=True)
    )
    return Tools(shell, wizard, *both)
