"""Which Exchange is enough: releases and builds of the servers, and what Microsoft's pages ask of group writeback.

The pages do not agree, so each is tested by itself. ``statements.csv`` holds one row per page: ``builds`` are the
lowest builds that it names, one per product line (15.0 is 2013, 15.1 is 2016); a line that it does not name is not
enough, a line above all named ones is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from runbook_lib.exchange.facts import ExchangePresence, Facts
from runbook_lib.exchange.versions import Build
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, from_table, joined, t

_WIZARD = "MicrosoftDocs/entra-docs, how-to-connect-install-custom.md"
_HISTORY = "MicrosoftDocs/entra-docs, reference-connect-version-history.md"
_V2 = "MicrosoftDocs/entra-docs, how-to-connect-group-writeback-v2.md"
_GROUPS = "MicrosoftDocs/OfficeDocs-Exchange, set-up-microsoft-365-groups.md (2021)"


@dataclass(frozen=True, slots=True)
class Statement:
    """What one page asks of a server."""

    id: str
    text: Text
    builds: tuple[Build, ...]
    source: str

    def met_by(self, build: Build) -> bool:
        """Whether a server of this build is new enough for the page."""
        same_line = [lowest for lowest in self.builds if lowest[:2] == build[:2]]
        if same_line:
            return build[:3] >= same_line[0][:3]
        return build[:2] > max(lowest[:2] for lowest in self.builds)


@cache
def statements() -> tuple[Statement, ...]:
    """Every page's statement."""
    text = files("runbook_lib.exchange").joinpath("statements.csv").read_text(encoding="utf-8")
    return tuple(
        Statement(
            row["id"],
            from_table(row["statement"]),
            tuple(Build(*map(int, build.split("."))) for build in row["builds"].split()),
            row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def presence(facts: Facts) -> Iterator[Finding]:
    """Exchange is in AD, as Connect's wizard wants it."""
    if facts.presence not in (ExchangePresence.NONE, ExchangePresence.SCHEMA_ONLY):
        return
    yield Finding(
        id="exchange-pages-disagree",
        severity=Severity.WARNING,
        seen=t("{presence_title}; Microsoft's pages disagree about what follows.", presence_title=facts.presence.title),
        expected=t(
            "The page on the wizard: group writeback is offered only where Exchange is in AD. "
            "The version history: since Connect 2.0.88.0 the Exchange schema is not required to "
            "switch it on."
        ),
        why=t(
            "In either case the page on writeback V2 says that mail attributes are written only "
            "where Exchange has prepared AD: groups would arrive without addresses."
        ),
        to_do=t("Look at the Connect build and at the wizard, then acknowledge this; prepare AD if groups need mail."),
        source=f"{_WIZARD}; {_HISTORY}; {_V2}",
        values={"presence": facts.presence.value},
        acknowledgeable=True,
    )


def server_minimum(facts: Facts) -> Iterator[Finding]:
    """Every server is new enough for every page."""
    for name, build in facts.builds.items():
        if build is None:
            continue
        unmet = [one for one in statements() if not one.met_by(build)]
        if not unmet:
            continue
        met = [one for one in statements() if one not in unmet]
        runs = facts.server_releases[name].name if name in facts.server_releases else str(build)
        agree = (
            t("Enough for: {met}.", met=joined((one.text for one in met), "; ")) if met else t("Every page says so.")
        )
        yield Finding(
            id=f"exchange-server-too-old:{name}",
            severity=Severity.WARNING if met else Severity.BLOCKING,
            seen=t(
                "The server {name} runs {runs}: not enough for: {unmet}. {agree}",
                name=name,
                runs=runs,
                unmet=joined((one.text for one in unmet), "; "),
                agree=agree,
            ),
            expected=joined((one.text for one in statements()), "; "),
            why=t("An older server does not know Microsoft 365 groups as recipients."),
            to_do=t("Update the server, or know that the older page applies to you and acknowledge this finding."),
            source="; ".join(one.source for one in statements()),
            values={"server": name, "build": str(build), "unmet": [s.id for s in unmet], "met": [s.id for s in met]},
            acknowledgeable=True,
        )


def hybrid_update(facts: Facts) -> Iterator[Finding]:
    """Every server runs the latest or the previous cumulative update of its product, as a hybrid deployment needs."""
    for name, release in sorted(facts.server_releases.items()):
        latest = [one for one in facts.table.releases if one.product == release.product][-2:]
        if release in latest:
            continue
        names = joined((one.name for one in latest), t(" and "))
        yield Finding(
            id=f"exchange-hybrid-update:{name}",
            severity=Severity.WARNING,
            seen=t(
                "The server {name} runs {release_name}; the latest are {names}.",
                name=name,
                release_name=release.name,
                names=names,
            ),
            expected=t("The latest or the previous cumulative update."),
            why=t("Microsoft supports a hybrid deployment with these two only."),
            to_do=t("Update the server."),
            source=_GROUPS,
            values={"server": name, "release": release.name},
            acknowledgeable=True,
        )


def numbers_agree(facts: Facts) -> Iterator[Finding]:
    """serialNumber and versionNumber of a server say the same build."""
    for name, (serial, version) in facts.decoded.items():
        if serial is not None and version is not None and serial[:3] != version[:3]:
            yield Finding(
                id=f"exchange-server-numbers-differ:{name}",
                severity=Severity.INFO,
                seen=t(
                    "The server {name} shows {serial} in serialNumber and {version} in versionNumber.",
                    name=name,
                    serial=serial,
                    version=version,
                ),
                expected=t("The same build in both."),
                why=t("One of them is stale: an update did not finish, or the object was edited."),
                to_do=t("Look in {tools_name}. This program goes by serialNumber.", tools_name=facts.tools.name),
                values={"server": name, "serial": str(serial), "version": str(version)},
            )


def servers_ahead(facts: Facts) -> Iterator[Finding]:
    """No server is newer than the preparation of the organization."""
    version = facts.organization_version
    for name, release in sorted(facts.server_releases.items()):
        if version is not None and release.organization is not None and release.organization > version:
            yield Finding(
                id=f"exchange-server-ahead:{name}",
                severity=Severity.WARNING,
                seen=t(
                    "The server {name} runs {release_name}, which makes the organization {organization}; "
                    "it has {version}.",
                    name=name,
                    release_name=release.name,
                    organization=release.organization,
                    version=version,
                ),
                expected=t("An organization prepared by the newest release that runs."),
                why=t(
                    "The preparation has not replicated to this domain controller yet, or was restored from a backup."
                ),
                to_do=t(
                    "Wait for replication, then look again; otherwise run {prepare_forest}.",
                    prepare_forest=facts.tools.prepare_forest,
                ),
                source="microsoft/CSS-Exchange, Shared/Get-ExchangeBuildVersionInformation.ps1 (2026)",
                values={"server": name, "organization": version, "expected": release.organization},
            )


_BUILDS = "microsoft/CSS-Exchange, Shared/Get-ExchangeBuildVersionInformation.ps1 (2026)"
_LIFECYCLE = "Microsoft Lifecycle, Exchange Server"


def servers_in_support(facts: Facts) -> Iterator[Finding]:
    """Servers whose release is no longer supported, and since when."""
    day = facts.reading.at.date()
    ended = {release.product: release for release in facts.server_releases.values() if release.support_ends < day}
    for product, release in sorted(ended.items()):
        servers = sorted(name for name, r in facts.server_releases.items() if r.product == product)
        yield Finding(
            id=f"exchange-out-of-support:{product.lower().replace(' ', '-')}",
            severity=Severity.WARNING,
            seen=t(
                "{product} on {servers}: support ended on {support_ends}.",
                product=product,
                servers=", ".join(servers),
                support_ends=release.support_ends.isoformat(),
            ),
            expected=t("A supported release."),
            why=t("It gets no security updates, and Microsoft does not support it in a hybrid deployment."),
            to_do=t("Plan the upgrade to Exchange Server SE."),
            source=_LIFECYCLE,
            values={"product": product, "servers": servers, "ended": release.support_ends.isoformat()},
            acknowledgeable=True,
        )


def servers_differ(facts: Facts) -> Iterator[Finding]:
    """Servers of several releases side by side."""
    releases = set(facts.server_releases.values())
    if len(releases) > 1:
        names = [release.name for release in sorted(releases, key=lambda r: r.position)]
        yield Finding(
            id="exchange-servers-differ",
            severity=Severity.INFO,
            seen=t("The servers run {names}.", names=", ".join(names)),
            why=t("During an upgrade this is normal; afterwards the old servers want to be removed."),
            to_do=t("Nothing for writeback."),
            values={"releases": names},
        )


def server_builds(facts: Facts) -> Iterator[Finding]:
    """Servers that do not show a version."""
    for name, build in facts.builds.items():
        if build is None:
            yield Finding(
                id=f"exchange-server-version-unknown:{name}",
                severity=Severity.UNKNOWN,
                seen=t("The server {name} shows no version that can be read.", name=name),
                expected=t('serialNumber like "Version 15.2 (Build 31748.10)".'),
                why=t(
                    "Whether it is supported and new enough cannot be determined; without it Exchange Server "
                    "2019 CU15 and SE look the same."
                ),
                to_do=t(
                    "Check the account's rights on the server object, or look in {tools_name}.",
                    tools_name=facts.tools.name,
                ),
                values={"server": name},
                acknowledgeable=True,
            )


def server_releases(facts: Facts) -> Iterator[Finding]:
    """Servers whose build is of no release of the table."""
    for name, build in facts.builds.items():
        if build is not None and name not in facts.server_releases and not facts.table.is_newer(build):
            yield Finding(
                id=f"exchange-server-release-unknown:{name}",
                severity=Severity.UNKNOWN,
                seen=t(
                    "The server {name} runs {build}, which is no release that this program knows.",
                    name=name,
                    build=build,
                ),
                expected=t("A build of the version table."),
                why=t("Whether it is supported and new enough cannot be determined."),
                to_do=t("Compare it with Microsoft's list of build numbers, then acknowledge this finding."),
                source=_BUILDS,
                values={"server": name, "build": str(build)},
                acknowledgeable=True,
            )
