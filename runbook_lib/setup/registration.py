"""The app registration as somebody with the right roles makes it: clicks, or lines of Azure CLI or Graph PowerShell.

Which permissions it needs comes from the tables that the pre-flight holds a token against.
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, t
from runbook_lib.preflight.hand_off.kind import HandOffKind
from runbook_lib.preflight.tenant_facts import (
    Permission,
    cloud_sync_permissions,
    connect_sync_permissions,
    needed_permissions,
)

APP_NAME = "Group-writeback-runbook"
"""Display name of the app registration."""


@dataclass(frozen=True, slots=True)
class AskedPermission:
    """One application permission of Microsoft Graph, and what it opens."""

    name: str
    opens: Text


def asked_permissions(route: Route) -> tuple[AskedPermission, ...]:
    """What the app needs on this route: all that a notebook always asks for, a higher one in place of a lower."""
    of_route = {Route.CLOUD_SYNC: cloud_sync_permissions, Route.CONNECT_SYNC: connect_sync_permissions}
    more = of_route[route]() if route in of_route else ()
    wanted = [one for one in (*needed_permissions(), *more) if one.notebooks and not one.when]
    names = {one.name for one in wanted}
    least: dict[str, Permission] = {}
    for one in wanted:
        if one.higher.isdisjoint(names):
            least.setdefault(one.name, one)
    return tuple(AskedPermission(one.name, one.opens) for one in least.values())


def portal_clicks(
    tenant_id: str, public_file: str, thumbprint: str, permissions: tuple[AskedPermission, ...]
) -> list[Text]:
    """The same in the Entra admin center, a line each."""
    return [
        t(
            "1. entra.microsoft.com, tenant {tenant}: Identity, Applications, App registrations, New registration.",
            tenant=tenant_id,
        ),
        t("2. Name: {name}; accounts in this organizational directory only; no redirect URI; Register.", name=APP_NAME),
        t("3. Certificates & secrets, Certificates, Upload certificate: {file}", file=public_file),
        t("   Its thumbprint has to be {thumbprint}.", thumbprint=thumbprint),
        t("4. API permissions, Add a permission, Microsoft Graph, Application permissions:"),
        *(t("   {name}: {opens}", name=one.name, opens=one.opens) for one in permissions),
        t("   Remove the delegated permission User.Read that is there already."),
        t("5. Grant admin consent (role Privileged Role Administrator). Every line has to say Granted."),
        t("6. Overview: copy the Application (client) ID."),
    ]


@dataclass(frozen=True, slots=True)
class _Registers(HandOffKind):
    """What both shells take.

    Attributes:
        tenant_id: A GUID.
        certificate: Path of the public certificate.
        permissions: Names of application permissions.
    """

    package = "runbook_lib.setup.lines"
    tenant_id: str
    certificate: str
    permissions: tuple[str, ...]

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        return t("App registration with certificate, permissions and consent")

    def values(self) -> dict[str, object]:
        """What the template takes."""
        return {
            "name": APP_NAME,
            "tenant_id": self.tenant_id,
            "certificate": self.certificate,
            "permissions": self.permissions,
        }


class RegisterWithPowerShell(_Registers):
    """Lines for Microsoft Graph PowerShell."""

    __slots__ = ()
    kind = "register-app-powershell"
    where = t("Microsoft Graph PowerShell")
    template = "register-app.ps1.j2"


class RegisterWithAzureCli(_Registers):
    """Lines for Azure CLI."""

    __slots__ = ()
    kind = "register-app-azure-cli"
    where = t("Azure CLI, in bash (the Azure portal's Cloud Shell has both)")
    template = "register-app.sh.j2"
