"""The tenant itself: licences, verified domains, what its cloud does not offer, what the access token grants.

The token is evidence only: what counts is what Graph answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from runbook_lib.graph.tenant.parts import P1_PLAN, P2_PLAN, Licences
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.connections import Feature, Offer
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import DOMAINS, LICENCES, MAIL_DOMAINS, PERMISSIONS, TENANT
from runbook_lib.preflight.tenant_facts import (
    Permission,
    can_write,
    cloud_sync_permissions,
    connect_sync_permissions,
    needed_permissions,
    notebooks,
    notebooks_by_cloud_sync,
    notebooks_by_connect_sync,
)

_B, _U, _W, _I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO


def licences(evidence: Evidence) -> Iterator[Finding]:
    """Microsoft Entra ID P1 or P2 is in force: what Microsoft asks for both of its routes."""
    read = evidence[LICENCES]
    holding = [licence for licence in read.all if licence.plans & {P1_PLAN, P2_PLAN}]
    enabled = [licence for licence in holding if licence.status.casefold() == "enabled"]
    counted = [licence for licence in enabled if licence.enabled_units != 0]
    shown = joined(
        (
            t(
                "{licence} {status}, {enabled} enabled, {used} used",
                licence=printable(one.part_number),
                status=printable(one.status),
                enabled=_count(one.enabled_units),
                used=_count(one.consumed_units),
            )
            for one in holding
        ),
        "; ",
    )
    if any(licence.enabled_units is not None for licence in counted):
        return
    if counted:
        seen = t("P1 or P2 is there, but Graph shows no enabled count: {shown}.", shown=shown)
        yield _licence("licence-count-absent", _U, seen, read)
    elif any(licence.in_force for licence in holding):
        yield _licence(
            "licence-ending", _W, t("P1 or P2 is there, but not with an enabled count: {shown}.", shown=shown), read
        )
    elif holding:
        yield _licence(
            "licence-not-in-force", _B, t("Every licence with P1 or P2 is out of force: {shown}.", shown=shown), read
        )
    else:
        yield _licence("licence-missing", _B, t("No licence of the tenant holds Microsoft Entra ID P1 or P2."), read)


def _count(units: int | None) -> Text:
    return t("an unknown number") if units is None else verbatim(str(units))


def _licence(identifier: str, severity: Severity, seen: Text, read: Licences) -> Finding:
    return Finding(
        id=identifier,
        severity=severity,
        seen=seen,
        expected=t(
            "A subscription with Microsoft Entra ID P1 (AAD_PREMIUM) or P2 (AAD_PREMIUM_P2) "
            "whose capabilityStatus is Enabled."
        ),
        why=t(
            "Connect Sync's group writeback needs P1; Cloud Sync to Active Directory needs P1 "
            "for its existing and first two new configurations and ID Governance beyond. The "
            "direct route needs neither."
        ),
        to_do=t("Renew or buy the licence, or take the route direct."),
        source='Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback", "Prerequisites for '
        'provisioning to Active Directory", "Product names and service plan identifiers for licensing"',
        values={
            "p1": read.p1,
            "p2": read.p2,
            "subscriptions": {licence.part_number: licence.status for licence in read.all},
        },
        acknowledgeable=True,
    )


def groups_domain(evidence: Evidence) -> Answers:
    """Every mail domain of the groups is a verified domain of the tenant, for mail."""
    if not evidence[MAIL_DOMAINS].groups:
        yield NothingToCheck(t("The groups have no mail domain of their own."))
    domains = {domain.name: domain for domain in evidence[DOMAINS]}
    for name in evidence[MAIL_DOMAINS].groups:
        domain = domains.get(name.casefold())
        if domain is None:
            yield _domain(name, "missing", _B, t("is no domain of the tenant"))
        elif not domain.verified:
            yield _domain(name, "not-verified", _B, t("stands in the tenant without being verified"))
        elif "email" not in {service.casefold() for service in domain.services}:
            services = ", ".join(map(printable, domain.services)) or t("no service")
            yield _domain(
                name, "without-mail", _W, t("is verified but not meant for mail ({services})", services=services)
            )


def _domain(name: str, state: str, severity: Severity, seen: str) -> Finding:
    return Finding(
        id=f"groups-domain-{state}:{name}",
        severity=severity,
        seen=t("The groups' mail domain {name} {seen}.", name=printable(name), seen=seen),
        expected=t("A verified domain of the tenant that supports Email."),
        why=t("Exchange Online accepts mail for verified domains alone; on premises mail for the groups goes there."),
        to_do=t("Add and verify the domain in the Microsoft 365 admin center, or correct the parameter groups_domain."),
        source='Microsoft Exchange documentation, "Configure Microsoft 365 Groups with on-premises Exchange hybrid"; '
        'Microsoft Graph documentation, "domain resource type"',
        values={"domain": name, "state": state},
        acknowledgeable=True,
    )


OFFERS: Mapping[str, Mapping[Route, Severity]] = {
    "synchronization-features": on(direct=_I, connect_sync=_I),
    "cloud-sync-groups-to-ad": on(cloud_sync=_B),
    "provision-on-demand": on(cloud_sync=_I),
    "writeback-configuration": on(connect_sync=_I),
    "delta-query": on(direct=_I),
}
"""How much it matters on a route that a cloud lacks something of ``cloud_offers.csv``. Flags that cannot be read are
judged by what was read, so that a page about another cloud decides nothing."""


def cloud_lacks(name: str, evidence: Evidence) -> Iterator[Finding]:
    """The tenant's cloud offers this."""
    cloud = evidence[TENANT].cloud
    for feature in cloud.lacks:
        if feature.name == name:
            yield _lack(cloud.title, cloud.name, feature)


def _lack(title: Text, cloud: str, feature: Feature) -> Finding:
    without = feature.offer is Offer.NOT_OFFERED
    return Finding(
        id=f"cloud-lacks:{feature.name}",
        severity=_B if without else _U,
        seen=t("{title} does not offer: {feature_title}.", title=title, feature_title=feature.title)
        if without
        else t(
            "Whether {title} offers this is not documented: {feature_title}.",
            title=title,
            feature_title=feature.title,
        ),
        expected=t("A cloud that offers it."),
        why=t("What a cloud does not offer cannot be switched on in a tenant there."),
        to_do=t("Take another route, usually direct.") if without else t("Try it in this tenant, or ask Microsoft."),
        source=feature.source,
        values={"cloud": cloud, "feature": feature.name, "offer": feature.offer.value},
        acknowledgeable=not without,
    )


def _asked(name: str) -> Callable[[Evidence], Iterator[Finding]]:
    return lambda evidence: cloud_lacks(name, evidence)


TENANT_CHECKS: tuple[Check, ...] = (
    Check(
        "licences",
        t("Microsoft Entra ID P1 or P2 is in force"),
        (LICENCES,),
        on(cloud_sync=_B, connect_sync=_B),
        licences,
    ),
    Check(
        "groups-domain",
        t("The groups' mail domain is verified in the tenant"),
        (MAIL_DOMAINS, DOMAINS),
        on(direct=_W, connect_sync=_B),
        groups_domain,
    ),
    *(
        Check(f"cloud-offers-{name}", t("The tenant's cloud offers {name}", name=name), (TENANT,), routes, _asked(name))
        for name, routes in OFFERS.items()
    ),
)


_SOURCE = 'docs/permissions.md; Microsoft Graph documentation, "Microsoft Graph permissions reference"'


def lacking(notebook: str, evidence: Evidence) -> Iterator[Finding]:
    """The token grants what this notebook needs."""
    return _lacking(notebook, evidence, needed_permissions())


def lacking_by_cloud_sync(notebook: str, evidence: Evidence) -> Answers:
    """The token grants what this notebook needs where it changes a Cloud Sync configuration."""
    if not _by(Route.CLOUD_SYNC, evidence):
        yield NothingToCheck(t("Neither route nor check_routes is cloud-sync."))
        return
    asked = [one for one in cloud_sync_permissions() if one.asked(evidence.parameters)]
    yield from _lacking(notebook, evidence, (*needed_permissions(), *asked), "-by-cloud-sync")


def lacking_by_connect_sync(notebook: str, evidence: Evidence) -> Answers:
    """The token grants what this notebook needs where v1 is switched on or off."""
    if not _by(Route.CONNECT_SYNC, evidence):
        yield NothingToCheck(t("Neither route nor check_routes is connect-sync."))
        return
    asked = {one.name: one for one in connect_sync_permissions() if one.asked(evidence.parameters)}
    yield from _lacking(notebook, evidence, (*needed_permissions(), *asked.values()), "-by-connect-sync")


def _by(route: Route, evidence: Evidence) -> bool:
    return route.value in (evidence.parameters.route, *evidence.parameters.check_routes)


def _lacking(notebook: str, evidence: Evidence, asked: Sequence[Permission], route: str = "") -> Iterator[Finding]:
    granted = evidence[PERMISSIONS]
    missing = [one for one in asked if notebook in one.notebooks and not one.granted(granted.names)]
    if not missing:
        return
    names = [one.name for one in missing]
    kind = t("delegated") if granted.delegated else t("application")
    yield Finding(
        id=f"permissions-lacking{route}:{notebook}",
        severity=Severity.WARNING,
        seen=t(
            "The access token does not grant {names}, which {notebook} needs.",
            names=", ".join(names),
            notebook=notebook,
        ),
        expected=t(
            "Each of them, or a higher one that Graph accepts, as {kind} permission with an administrator's consent.",
            kind=kind,
        ),
        why=t("It reads or changes: {missing}.", missing=joined((one.opens for one in missing), "; ")),
        to_do=t("Grant them to the app registration and consent; a new token carries them."),
        source=_SOURCE,
        values={"notebook": notebook, "missing": names, "delegated": granted.delegated},
        acknowledgeable=True,
    )


def excess(evidence: Evidence) -> Iterator[Finding]:
    """The token grants nothing that can write to the tenant, beyond what the route of the parameters needs."""
    granted = evidence[PERMISSIONS]
    asked = {one.name for one in needed_permissions()}
    if _by(Route.CLOUD_SYNC, evidence):
        asked |= {one.name for one in cloud_sync_permissions()}
    if _by(Route.CONNECT_SYNC, evidence):
        asked |= {one.name for one in connect_sync_permissions()}
    names = [name for name in granted.names if can_write(name) and name not in asked]
    if names:
        yield Finding(
            id="permissions-excess",
            severity=Severity.WARNING,
            seen=t(
                "The access token grants what no notebook needs: {names}.", names=printable(", ".join(names), limit=500)
            ),
            expected=t("The permissions of docs/permissions.md, and no others."),
            why=t("Nothing here needs them. Whoever steals its credential could write to the tenant with them."),
            to_do=t("Remove them from the app registration, or use one that serves this runbook alone."),
            source=_SOURCE,
            values={"excess": names, "delegated": granted.delegated},
            acknowledgeable=True,
        )


_EVERY = on(direct=_W, cloud_sync=_W, connect_sync=_W)
_OF_EVERY_ROUTE = ("00", "10", "20")
"""Notebooks that serve every route; the others write, or look at what was written."""


def _routes(notebook: str) -> Mapping[Route, Severity]:
    return _EVERY if notebook[:2] in _OF_EVERY_ROUTE else on(direct=_W)


def _check(notebook: str) -> Check:
    return Check(
        f"permissions-{notebook}",
        t("Permissions for {notebook} are granted", notebook=notebook),
        (PERMISSIONS,),
        _routes(notebook),
        lambda evidence: lacking(notebook, evidence),
    )


def _check_by_cloud_sync(notebook: str) -> Check:
    return Check(
        f"permissions-by-cloud-sync-{notebook}",
        t("Permissions for {notebook} on the route cloud-sync are granted", notebook=notebook),
        (PERMISSIONS,),
        on(cloud_sync=_W),
        lambda evidence: lacking_by_cloud_sync(notebook, evidence),
    )


def _check_by_connect_sync(notebook: str) -> Check:
    return Check(
        f"permissions-by-connect-sync-{notebook}",
        t("Permissions for {notebook} on the route connect-sync are granted", notebook=notebook),
        (PERMISSIONS,),
        on(connect_sync=_W),
        lambda evidence: lacking_by_connect_sync(notebook, evidence),
    )


PERMISSION_CHECKS: tuple[Check, ...] = (
    *(_check(notebook) for notebook in notebooks()),
    *(_check_by_cloud_sync(notebook) for notebook in notebooks_by_cloud_sync()),
    *(_check_by_connect_sync(notebook) for notebook in notebooks_by_connect_sync()),
    Check("permissions-excess", t("No permission to write was granted"), (PERMISSIONS,), _EVERY, excess),
)
