"""A tenant whose synchronized users are the people of the lab: rehearsal's Graph and sign-in, filled from Samba."""

from __future__ import annotations

import asyncio
import base64
import secrets
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rehearsal.certificates import make_certificates, server_context, write_private
from rehearsal.cloud.accounts import Application, TenantUsers
from rehearsal.cloud.server import CloudServer
from rehearsal.cloud.sign_in import SignIn
from rehearsal.cloud.store import CloudStore
from rehearsal.samba.ldap_tools import LdifEntry
from runbook_lib.directory.search import sid_text
from tests.samba.lab import DOMAIN, SambaLab

TENANT_ID = "8d5a3c10-1f5e-4a55-9a0b-5b3a1f6f3c01"
CLIENT_ID = "5f0d6d6e-6f0e-4c39-8d0e-0a6f1f1e7c02"
ROLES = (
    *("Group.Read.All", "User.Read.All", "Organization.Read.All", "Member.Read.Hidden"),
    *("Domain.Read.All", "GroupSettings.Read.All", "Application.Read.All", "Synchronization.Read.All"),
)
"""What docs/permissions.md asks for, the second line for the pre-flight alone; and nothing else."""
GUEST = "guest"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Sales Team": ("adelev", "alexw", GUEST),
    "Ingeniería, Söhne & <b>Töchter</b>": ("zoen",),
    "Empty Team": (),
}
"""Display name to account names of members; names with what a DN, LDIF and HTML must escape."""


def identifier(key: str) -> str:
    """A stable id for an object of the tenant."""
    return str(uuid.uuid5(uuid.UUID(TENANT_ID), key))


@dataclass(frozen=True)
class SambaCloud:
    """A running tenant. ``store`` may be edited between two runs of the product."""

    store: CloudStore
    url: str
    ca_file: Path
    certificate_file: Path

    def parameters(self) -> dict[str, object]:
        """The cloud half of a parameters file, with what a run in the lab must attest and acknowledge."""
        until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
        known = {"by": "Lane samba", "reason": "The lab has no other writer", "until": until}
        return {
            "tenant_id": TENANT_ID,
            "client_id": CLIENT_ID,
            "certificate_file": str(self.certificate_file),
            "graph_url": self.url,
            "authority_url": self.url,
            "cloud_ca_file": str(self.ca_file),
            "group_type": "distribution",
            "attest_connect_v1_off_by": "Lane samba",
            "attest_connect_v1_off_until": until,
            "acknowledge": [{"finding": "target-ou-sync-scope", **known}],
        }


def _user(entry: LdifEntry) -> dict[str, object]:
    """The user that Connect would have made of an account."""
    (guid,), (sid,) = entry.attributes["objectGUID"], entry.attributes["objectSid"]
    account, principal = entry.text("sAMAccountName") or "", entry.text("userPrincipalName")
    return {
        "id": identifier(account),
        "displayName": entry.text("displayName"),
        "userPrincipalName": principal,
        "mail": principal,
        "userType": "Member",
        "onPremisesSyncEnabled": True,
        "onPremisesImmutableId": base64.b64encode(guid).decode("ascii"),
        "onPremisesSecurityIdentifier": sid_text(sid),
        "onPremisesDistinguishedName": entry.dn,
        "onPremisesSamAccountName": account,
        "onPremisesDomainName": DOMAIN,
    }


def _guest() -> dict[str, object]:
    return {
        "id": identifier(GUEST),
        "displayName": "A guest",
        "userPrincipalName": "guest_fabrikam.com#EXT#@contoso.onmicrosoft.com",
        "mail": "guest@fabrikam.com",
        "userType": "Guest",
    }


def microsoft_365_group(name: str, number: int) -> dict[str, object]:
    """A private Microsoft 365 group; ``number`` makes its addresses its own."""
    return {
        "id": identifier(name),
        "displayName": name,
        "description": f"{name}: description",
        "groupTypes": ["Unified"],
        "mailEnabled": True,
        "securityEnabled": False,
        "mail": f"team{number}@contoso.onmicrosoft.com",
        "mailNickname": f"team{number}",
        "proxyAddresses": [f"SMTP:team{number}@contoso.onmicrosoft.com"],
        "visibility": "Private",
    }


def filled_store(lab: SambaLab) -> CloudStore:
    """The tenant's objects, made from the lab's people."""
    store = CloudStore(clock=lambda: datetime.now(UTC))
    domains = [
        {"name": "contoso.onmicrosoft.com", "isDefault": True, "isInitial": True},
        {"name": DOMAIN, "isDefault": False, "isInitial": False},
    ]
    organization = {"id": TENANT_ID, "displayName": "Contoso", "verifiedDomains": domains}
    store.set_organization({**organization, "onPremisesSyncEnabled": True})
    for entry in lab.tools.search(lab.staff_ou, "(objectClass=user)"):
        store.add_user(_user(entry))
    store.add_user(_guest())
    for number, (name, members) in enumerate(GROUPS.items(), start=1):
        store.add_group(microsoft_365_group(name, number), members=tuple(identifier(member) for member in members))
    return store


@contextmanager
def running_cloud(lab: SambaLab, folder: Path) -> Iterator[SambaCloud]:
    """The tenant on a free port, in a thread with an event loop of its own; certificates go to ``folder``."""
    certificates = make_certificates(datetime.now(UTC))
    (folder / "cloud-ca.pem").write_bytes(certificates.ca_pem)
    write_private(folder / "cloud-server.pem", certificates.server_pem)
    write_private(folder / "client.pem", certificates.client_pem)
    application = Application(
        CLIENT_ID, identifier("application"), "Runbook", secrets.token_urlsafe(24), (certificates.client,), ROLES
    )
    store = filled_store(lab)
    users = TenantUsers(store, {})
    server = CloudServer(store, SignIn(TENANT_ID, (application,), users=users, clock=lambda: datetime.now(UTC)))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        started = asyncio.run_coroutine_threadsafe(server.start(server_context(folder / "cloud-server.pem")), loop)
        url = f"https://localhost:{started.result(30)}"
        yield SambaCloud(store, url, folder / "cloud-ca.pem", folder / "client.pem")
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
