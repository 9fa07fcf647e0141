"""Checks of the Exchange servers: their releases and builds; from the facts about Exchange to findings."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.exchange.facts import Facts
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t

_BUILDS = "microsoft/CSS-Exchange, Shared/Get-ExchangeBuildVersionInformation.ps1 (2026)"
_LIFECYCLE = "Microsoft Lifecycle, Exchange Server"


def support(facts: Facts) -> Iterator[Finding]:
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
                    "Whether it is supported and new enough cannot be told; without it Exchange Server "
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
                why=t("Whether it is supported and new enough cannot be told."),
                to_do=t("Compare it with Microsoft's list of build numbers, then acknowledge this finding."),
                source=_BUILDS,
                values={"server": name, "build": str(build)},
                acknowledgeable=True,
            )
