"""What the lab's domain holds beside what Samba provisions: OUs, people, the writing account, Exchange."""

from __future__ import annotations

import base64

UNITS = ("Staff", "Groups", "Cloud Groups", "Retired Cloud Groups")
PEOPLE = (
    ("Adele Vance", "adelev"),
    ("Alex Wilber", "alexw"),
    ("Diego Siciliani", "diegos"),
    ("Grady Archie", "gradya"),
    ("Zoë Ñandú", "zoen"),
)
"""Display name and account name."""
WRITER = "svc-gwb"
ORGANIZATION = "Contoso"
ORGANIZATION_VERSION = 16763
SYSTEM_OBJECTS_VERSION = 13243
"""objectVersion of the organization and of Microsoft Exchange System Objects in Exchange Server SE RTM (Microsoft
Learn, "Active Directory changes in Exchange Server")."""


def content_ldif(base_dn: str, configuration_nc: str, domain: str, writer_password: str) -> str:
    """Everything as LDIF change records, parents first."""
    records = [_record(f"OU={unit},{base_dn}", ("objectClass: organizationalUnit",)) for unit in UNITS]
    records += [_person(display, account, f"OU=Staff,{base_dn}", domain) for display, account in PEOPLE]
    records.append(_writer(base_dn, domain, writer_password))
    records += _exchange(base_dn, configuration_nc)
    return "\n".join(records)


def _record(dn: str, lines: tuple[str, ...]) -> str:
    body = "".join(f"{line}\n" for line in lines)
    return f"dn:: {_base64(dn)}\nchangetype: add\n{body}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def _person(display: str, account: str, parent: str, domain: str) -> str:
    return _record(
        f"CN={display},{parent}",
        (
            "objectClass: user",
            f"sAMAccountName: {account}",
            f"userPrincipalName: {account}@{domain}",
            f"displayName:: {_base64(display)}",
            f"mail: {account}@{domain}",
            "userAccountControl: 514",
        ),
    )


def _writer(base_dn: str, domain: str, password: str) -> str:
    # unicodePwd takes the password in quotes as UTF-16, little-endian ([MS-ADTS] 3.1.1.3.1.5.1).
    quoted = base64.b64encode(f'"{password}"'.encode("utf-16-le")).decode("ascii")
    return _record(
        f"CN={WRITER},CN=Users,{base_dn}",
        (
            "objectClass: user",
            f"sAMAccountName: {WRITER}",
            f"userPrincipalName: {WRITER}@{domain}",
            f"unicodePwd:: {quoted}",
            "userAccountControl: 66048",
        ),
    )


def _exchange(base_dn: str, configuration_nc: str) -> list[str]:
    exchange = f"CN=Microsoft Exchange,CN=Services,{configuration_nc}"
    return [
        _record(exchange, ("objectClass: msExchConfigurationContainer",)),
        _record(
            f"CN={ORGANIZATION},{exchange}",
            ("objectClass: msExchOrganizationContainer", f"objectVersion: {ORGANIZATION_VERSION}"),
        ),
        _record(
            f"CN=Microsoft Exchange System Objects,{base_dn}",
            ("objectClass: msExchSystemObjectsContainer", f"objectVersion: {SYSTEM_OBJECTS_VERSION}"),
        ),
    ]
