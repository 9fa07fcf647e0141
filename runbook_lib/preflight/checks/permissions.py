"""What the access token grants, against what each notebook needs. Evidence only: what counts is what Graph answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Check, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import PERMISSIONS
from runbook_lib.preflight.tenant_facts import can_write, needed_permissions, notebooks

_SOURCE = 'docs/permissions.md; Microsoft Graph documentation, "Microsoft Graph permissions reference"'


def lacking(notebook: str, evidence: Evidence) -> Iterator[Finding]:
    """The token grants what this notebook needs."""
    granted = evidence[PERMISSIONS]
    missing = [one for one in needed_permissions() if notebook in one.notebooks and not one.granted(granted.names)]
    if not missing:
        return
    names = [one.name for one in missing]
    kind = "delegated" if granted.delegated else "application"
    yield Finding(
        id=f"permissions-lacking:{notebook}",
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
        why=t("It reads: {missing}.", missing="; ".join(one.opens for one in missing)),
        to_do=t("Grant them to the app registration and consent; a new token carries them."),
        source=_SOURCE,
        values={"notebook": notebook, "missing": names, "delegated": granted.delegated},
        acknowledgeable=True,
    )


def excess(evidence: Evidence) -> Iterator[Finding]:
    """The token grants nothing that can write to the tenant."""
    granted = evidence[PERMISSIONS]
    asked = {one.name for one in needed_permissions()}
    names = [name for name in granted.names if can_write(name) and name not in asked]
    if names:
        yield Finding(
            id="permissions-excess",
            severity=Severity.WARNING,
            seen=t(
                "The access token grants what no notebook needs: {names}.", names=printable(", ".join(names), limit=500)
            ),
            expected=t("Permissions that read."),
            why=t("This runbook writes nothing to the tenant. Whoever steals its credential could."),
            to_do=t("Remove them from the app registration, or use one that serves this runbook alone."),
            source=_SOURCE,
            values={"excess": names, "delegated": granted.delegated},
            acknowledgeable=True,
        )


_W = Severity.WARNING
_EVERY = on(direct=_W, cloud_sync=_W, connect_sync=_W)
_OF_EVERY_ROUTE = ("00", "10", "20")
"""Notebooks that serve every route; the others write, or look at what was written."""


def _routes(notebook: str) -> Mapping[Route, Severity]:
    return _EVERY if notebook[:2] in _OF_EVERY_ROUTE else on(direct=_W)


def _check(notebook: str) -> Check:
    return Check(
        f"permissions-{notebook}",
        f"Permissions for {notebook} are granted",
        (PERMISSIONS,),
        _routes(notebook),
        lambda evidence: lacking(notebook, evidence),
    )


CHECKS: tuple[Check, ...] = (
    *(_check(notebook) for notebook in notebooks()),
    Check("permissions-excess", "No permission to write was granted", (PERMISSIONS,), _EVERY, excess),
)
