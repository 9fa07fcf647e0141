"""What the connector account of Connect Sync may do on the OU of written groups: read over LDAP, judged as our own.

The account is another one than that of the connection, so its token is put together: its own SID, the SIDs that
``tokenGroups`` of its object holds (nested groups of every scope, [MS-ADTS] 3.1.1.4.5.19), and those that every account
has that signs in over the network.

Source of what Connect needs: Microsoft Entra documentation, "Microsoft Entra Connect: Configure AD DS Connector Account
Permissions" (create, delete, read and write group objects). That its cmdlet, whose entry is inherited by group objects,
also lets the account create groups in the OU, no public text says: the OU's own list is what counts here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.rights.account import (
    attribute_types,
    creator_of,
    default_of_groups,
    netbios_name,
    read_holder,
)
from runbook_lib.directory.rights.constants import AccessMask, WellKnownSid
from runbook_lib.directory.rights.evaluate import Account, Place, Situation
from runbook_lib.directory.rights.needs import READ_ATTRIBUTES, Need, ProductOperation, Purpose
from runbook_lib.directory.rights.table import OperationRight, rights_table
from runbook_lib.directory.search import all_of, equals, sid_text
from runbook_lib.errors import NoAccess
from runbook_lib.model.directory import FOLLOWED_ATTRIBUTES
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable

_EVERYBODY = frozenset(
    {
        WellKnownSid.EVERYONE.value,
        WellKnownSid.AUTHENTICATED_USERS.value,
        WellKnownSid.NETWORK.value,
        WellKnownSid.THIS_ORGANIZATION.value,
    }
)
_PLAIN = (ANCHOR_ATTRIBUTE, *FOLLOWED_ATTRIBUTES)
_MAIL = ("mail", "mailNickname", "proxyAddresses")


@dataclass(frozen=True, slots=True)
class ConnectorRights:
    """What the connector account may do.

    Attributes:
        account: The account.
        dn: Its distinguished name.
        ou: DN of the OU of written groups.
        rows: Everything that v1 does there, with its answer.
    """

    account: Account
    dn: str
    ou: str
    rows: tuple[OperationRight, ...]


def connector_operations(attributes: Mapping[str, object]) -> tuple[ProductOperation, ...]:
    """What v1 does in its OU, as far as the schema has the attributes (names as in ``types``)."""
    return tuple(_operations(frozenset(attributes)))


def _operations(known: frozenset[str]) -> Iterator[ProductOperation]:
    group, write = Place.TARGET_GROUP, AccessMask.WRITE_PROPERTY
    read = [(Need(group, AccessMask.READ_PROPERTY, name),) for name in (ANCHOR_ATTRIBUTE, "member") if name in known]
    listed = (Need(Place.TARGET, AccessMask.LIST_CONTENTS),)
    yield ProductOperation("connect-read", t("List the OU and read its groups"), Purpose.WRITE, (listed, *read))
    made = (Need(Place.TARGET, AccessMask.CREATE_CHILD, "group"),)
    yield ProductOperation("connect-create", t("Create a group in the OU"), Purpose.WRITE, (made,))
    renamed = tuple((Need(group, write, name),) for name in ("name", "cn"))
    yield ProductOperation("connect-rename", t("Rename a group"), Purpose.WRITE, renamed)
    for name in (*_PLAIN, *_MAIL):
        if name in known:
            title = t("Change {name}", name=name)
            yield ProductOperation(f"connect-write:{name}", title, Purpose.WRITE, ((Need(group, write, name),),))
    members = ((Need(group, write, "member"),),)
    yield ProductOperation("connect-members", t("Add and remove members"), Purpose.WRITE, members)
    gone = (Need(group, AccessMask.DELETE), Need(Place.TARGET, AccessMask.DELETE_CHILD, "group"))
    yield ProductOperation("connect-delete", t("Delete a group"), Purpose.WRITE, (gone,))


def read_connector_rights(directory: Directory, account: str, ou: str) -> ConnectorRights:
    r"""Read account, groups and access list, and judge.

    Args:
        directory: An open connection to the domain of the OU.
        account: As the Connect server names it, ``CONTOSO.COM\MSOL_…``.
        ou: DN of the OU of written groups.

    Raises:
        NoAccess: ``connector-account-elsewhere`` (another domain's), ``connector-account-missing`` (none, or several of
            that name), ``connector-groups-hidden``.
        RunbookError: The controller does not answer.
    """
    domain, _, name = account.rpartition("\\")
    shown = printable(account, limit=80)
    dc, netbios = directory.controller, netbios_name(directory)
    if domain and domain.casefold() not in {dc.domain_dns_name.casefold(), netbios.casefold()}:
        raise NoAccess(
            t(
                "The connector account {account} is of another domain than the OU.",
                account=shown,
            ),
            code="connector-account-elsewhere",
            hint=t("Compare its rights on the OU with dsacls there."),
            values={"account": account},
        )
    attribute = "userPrincipalName" if "@" in name else "sAMAccountName"
    wanted = all_of(equals("objectClass", "user"), equals(attribute, name))
    found = list(directory.search(dc.default_naming_context, wanted, ("objectGUID", "objectSid", "sAMAccountName")))
    if len(found) != 1 or not found[0].sid:
        raise NoAccess(
            t("This domain shows no single account {account}.", account=shown),
            code="connector-account-missing",
            hint=t("Run the collector again; Get-ADSyncADConnectorAccount on the server shows the account."),
            values={"account": account, "found": len(found)},
        )
    sid = found[0].sid
    groups = directory.read_dn(found[0].dn, ("tokenGroups",))
    sids = frozenset(sid_text(value) for value in groups.raw("tokenGroups")) if groups else frozenset()
    if not sids:
        raise NoAccess(
            t("The groups of the connector account {account} cannot be read.", account=shown),
            code="connector-groups-hidden",
            hint=t("Let this account read tokenGroups of it (Windows Authorization Access Group)."),
            values={"account": account},
        )
    token = sids | {sid} | _EVERYBODY
    plain = found[0].text("sAMAccountName") or name
    situation = Situation(
        account=Account(f"{netbios}\\{plain}" if netbios else sid, sid, token, creator_of(token, sid, dc.domain_sid)),
        places={Place.TARGET: read_holder(directory, ou)},
        group_default=default_of_groups(directory),
        types=attribute_types(directory, READ_ATTRIBUTES),
    )
    rows = rights_table(situation, connector_operations(situation.types))
    return ConnectorRights(situation.account, found[0].dn, ou, rows)
