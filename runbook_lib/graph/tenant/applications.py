"""The applications behind Cloud Sync configurations: found, looked up after they were made, usable or not yet.

Sources: Microsoft Graph documentation, "applicationTemplate: instantiate" (an application and its service principal),
"Get applicationTemplate", "Delete application" (kept for 30 days); Microsoft Entra documentation, "Restore a soft
deleted enterprise application" (the service principal goes with its application). Which template makes configurations
for groups is known from one public script (``cloud_sync.TO_AD``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.graph.errors import GraphNotFound, GraphRejected, or_unreadable
from runbook_lib.graph.rows import Row, objects_of, row_id, text_of
from runbook_lib.graph.tenant.cloud_sync import TO_AD
from runbook_lib.graph.tenant.configuration import SELECTED_ROLES
from runbook_lib.graph.tenant.parts import permissions_in
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import joined, t
from runbook_lib.model.untrusted import printable

ALL_APPLICATIONS, OWN_APPLICATIONS = "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"
INSTANTIATE = f"/applicationTemplates/{TO_AD}/instantiate"
"""Sent to beta: that is where it was seen to work for this template."""
USABLE_AFTER = (2.0, 3.0, 5.0, 10.0, 20.0, 20.0, 30.0, 30.0)
"""Seconds between looks at a service principal that was just made: the directory shows it everywhere only after a
while (Microsoft Graph documentation, "Known issues": replication delays)."""


@dataclass(frozen=True, slots=True)
class Application:
    """The application of a configuration.

    Attributes:
        service_principal: Id of its service principal.
        app_id: Its application (client) id.
        object_id: Id of the application itself; empty where the tenant does not have it.
        template: The template that it was made of, lower case.
        name: Display name of its service principal.
    """

    service_principal: str
    app_id: str
    object_id: str
    template: str
    name: str


def read_application(client: GraphClient, service_principal: str) -> Application:
    """The application of a service principal.

    Raises:
        NoAccess, ServiceFailed: It cannot be read.
    """
    select = {"$select": "id,appId,displayName,applicationTemplateId"}
    row = client.get(f"/servicePrincipals/{service_principal}", select)
    app_id = text_of(row, "appId") or ""
    found = client.listing(
        "/applications", {"$filter": t("appId eq '{app_id}'", app_id=app_id), "$select": "id,appId"}
    ).rows
    return _application(row, row_id(found[0]) if found else "")


def require_may_delete(client: GraphClient, application: Application) -> None:
    """Refuse before anything is deleted where it is known that the application itself may not be.

    What the token carries is evidence; where it does not say, or the owners may not be read, nothing is refused here.
    ``Application.ReadWrite.OwnedBy`` is for an app and for what it owns; people need ``Application.ReadWrite.All``
    ("Delete application", "Delete servicePrincipal").

    Raises:
        NoAccess: It may not (``graph-forbidden``); the hint names the permission that would do.
    """
    claims = client.token_claims()
    if claims is None:
        return
    granted = permissions_in(claims)
    if ALL_APPLICATIONS in granted.names:
        return
    kind, identifier = ("applications", application.object_id) if application.object_id else ("servicePrincipals", "")
    path = f"/{kind}/{identifier or application.service_principal}"
    owners = or_unreadable("owners", lambda: client.listing(f"{path}/owners", {"$select": "id"}).rows)
    own = "" if isinstance(owners, Unreadable) else str(claims.get("oid") or "")
    owned = bool(own) and not isinstance(owners, Unreadable) and own in {text_of(row, "id") for row in owners}
    by_owner = not granted.delegated and OWN_APPLICATIONS in granted.names
    if by_owner and (owned or not own):
        return
    needed = OWN_APPLICATIONS if owned and not granted.delegated else ALL_APPLICATIONS
    what = printable(application.name, limit=80)
    why = (
        t("The application {name!r} belongs to somebody else, and this app may delete only what it owns.", name=what)
        if by_owner
        else t("The application {name!r} may not be deleted: the token does not carry the permission.", name=what)
    )
    raise NoAccess(
        joined((why, t("Nothing was changed."))),
        code="graph-forbidden",
        hint=t(
            "Grant the app registration {permission}, with an administrator's consent; a person needs the role for it "
            "besides.",
            permission=needed,
        ),
        values={"path": path, "permission": needed, "granted": list(granted.names)},
    )


def made_of_template(client: GraphClient, name: str) -> list[Application]:
    """Service principals of the template for groups with exactly this name, sorted by id; ``object_id`` is not read.

    Raises:
        NoAccess, ServiceFailed: They cannot be read.
    """
    select = "id,appId,displayName,applicationTemplateId"
    quoted = name.replace("'", "''")
    rows = client.listing(
        "/servicePrincipals", {"$filter": t("displayName eq '{quoted}'", quoted=quoted), "$select": select}
    ).rows
    found = [_application(row) for row in rows if (text_of(row, "applicationTemplateId") or "").lower() == TO_AD]
    return sorted(found, key=lambda one: one.service_principal)


def appeared_since(
    client: GraphClient, name: str, known: Collection[str], sleep: Callable[[float], None]
) -> list[Application]:
    """Those of ``made_of_template`` that were not there before; waits for the directory where there is none yet.

    Raises:
        NoAccess, ServiceFailed: They cannot be read.
    """
    for pause in (*USABLE_AFTER[:5], None):
        found = [one for one in made_of_template(client, name) if one.service_principal not in known]
        if found or pause is None:
            return found
        sleep(pause)
    return []


def usable_jobs(client: GraphClient, service_principal: str, sleep: Callable[[float], None]) -> list[Row]:
    """The jobs of a service principal that may have been made just now.

    Raises:
        ServiceFailed: It did not become usable in time (``configuration-not-usable``).
        NoAccess: It may not be read.
    """
    for pause in (*USABLE_AFTER, None):
        try:
            return list(client.listing(f"/servicePrincipals/{service_principal}/synchronization/jobs").rows)
        except GraphNotFound:
            if pause is None:
                break
            sleep(pause)
    raise ServiceFailed(
        t(
            "The configuration {id} was made and cannot be used after {seconds} seconds.",
            id=service_principal,
            seconds=int(sum(USABLE_AFTER)),
        ),
        code="configuration-not-usable",
        hint=t("Microsoft Entra takes a while to show it everywhere. Run the notebook again in some minutes."),
        values={"service_principal": service_principal},
    )


def selecting_role(client: GraphClient, service_principal: str) -> str:
    """The app role of a service principal that selects groups, lower case; empty where it has none or several."""
    row = client.get(f"/servicePrincipals/{service_principal}", {"$select": "id,appRoles"})
    known = [role for one in objects_of(row, "appRoles") if (role := (text_of(one, "id") or "").lower())]
    found = [role for role in known if role in SELECTED_ROLES]
    return found[0] if len(found) == 1 else ""


def template_known(client: GraphClient) -> bool | None:
    """Whether this cloud has the template for groups; None: it may not be asked."""
    try:
        client.get(f"/applicationTemplates/{TO_AD}", {"$select": "id,displayName"})
    except (NoAccess, GraphRejected):
        return None
    except GraphNotFound:
        return False
    return True


def _application(row: Row, object_id: str = "") -> Application:
    return Application(
        service_principal=row_id(row),
        app_id=text_of(row, "appId") or "",
        object_id=object_id,
        template=(text_of(row, "applicationTemplateId") or "").lower(),
        name=text_of(row, "displayName") or "",
    )
