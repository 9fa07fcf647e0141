"""Who is at the other end: root DSE, NTDS Settings, domain head, partitions."""

from __future__ import annotations

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.entry import Entry
from runbook_lib.directory.filters import all_of, equals, has_bits
from runbook_lib.errors import NoAccess, Refused
from runbook_lib.model.directory import DomainController
from runbook_lib.model.dn import normalize_dn, parse_dn, same_dn
from runbook_lib.model.text import t

_ROOT_ATTRIBUTES = (
    "defaultNamingContext",
    "configurationNamingContext",
    "schemaNamingContext",
    "rootDomainNamingContext",
    "dnsHostName",
    "dsServiceName",
    "highestCommittedUSN",
    "supportedCapabilities",
)
_READ_ONLY_CAPABILITY = "1.2.840.113556.1.4.1920"
"""LDAP_CAP_ACTIVE_DIRECTORY_PARTIAL_SECRETS_OID: what only a read-only DC announces (MS-ADTS 3.1.1.3.4.3.5)."""
_CROSS_REF_DOMAIN = 0x2
"""FLAG_CR_NTDS_DOMAIN of a crossRef's systemFlags (MS-ADTS 6.1.1.2.1.1.3)."""


def read_controller(directory: Directory, *, host: str, port: int) -> DomainController:
    """Describe the domain controller that ``directory`` is connected to.

    Raises:
        Refused: ``not-a-domain-controller`` or ``read-only-dc``.
        NoAccess: ``controller-unreadable``: the account may not read what every account normally may.
    """
    root = directory.read_dn("", _ROOT_ATTRIBUTES)
    if root is None or not root.text("defaultNamingContext") or not root.text("dsServiceName"):
        raise Refused(
            t("{host}:{port} answers LDAP, but is not an Active Directory domain controller.", host=host, port=port),
            code="not-a-domain-controller",
            hint=t("Check the parameters dc_host and dc_port."),
            values={"host": host, "port": port},
        )
    service = _text(root, "dsServiceName")
    settings = _required(directory, service, ("objectClass", "invocationId", "msDS-isRODC"))
    if _is_read_only(root, settings):
        raise Refused(
            t("{host} is a read-only domain controller.", host=host),
            code="read-only-dc",
            hint=t("Name a writable domain controller in the parameter dc_host."),
            values={"host": host, "ds_service_name": service},
        )
    default = _text(root, "defaultNamingContext")
    head = _required(directory, default, ("objectGUID", "objectSid"))
    dns_name, others = _domains(directory, _text(root, "configurationNamingContext"), default)
    return DomainController(
        host=host,
        port=port,
        dns_host_name=root.text("dnsHostName") or "",
        ds_service_name=service,
        invocation_id=settings.guid_of("invocationId") or "",
        highest_committed_usn=root.integer("highestCommittedUSN") or 0,
        default_naming_context=default,
        configuration_naming_context=_text(root, "configurationNamingContext"),
        schema_naming_context=_text(root, "schemaNamingContext"),
        root_domain_naming_context=_text(root, "rootDomainNamingContext"),
        domain_dns_name=dns_name,
        domain_guid=head.guid,
        domain_sid=head.sid or "",
        other_domains=others,
    )


def committed_usn(directory: Directory) -> int:
    """The controller's highestCommittedUSN now."""
    root = directory.read_dn("", ("highestCommittedUSN",))
    return (root.integer("highestCommittedUSN") if root else None) or 0


def _is_read_only(root: Entry, settings: Entry) -> bool:
    classes = {name.casefold() for name in settings.texts("objectClass")}
    return (
        _READ_ONLY_CAPABILITY in root.texts("supportedCapabilities")
        or "ntdsdsaro" in classes
        or settings.truth("msDS-isRODC")
    )


def _domains(directory: Directory, configuration: str, default: str) -> tuple[str, tuple[str, ...]]:
    """DNS name of our domain and the naming contexts of the forest's other domains."""
    wanted = all_of(equals("objectClass", "crossRef"), has_bits("systemFlags", _CROSS_REF_DOMAIN))
    dns_name = ""
    others = []
    for entry in directory.search(f"CN=Partitions,{configuration}", wanted, ("nCName", "dnsRoot"), scope="one"):
        context = entry.text("nCName") or ""
        if same_dn(context, default):
            dns_name = entry.text("dnsRoot") or ""
        elif context:
            others.append(context)
    # A domain's DN always follows its DNS name, so the DN is the same fact where Partitions cannot be read.
    dns_name = dns_name or ".".join(avas[0][1] for avas in parse_dn(default) if avas[0][0] == "dc")
    return dns_name.lower(), tuple(sorted(others, key=normalize_dn))


def _required(directory: Directory, dn: str, attributes: tuple[str, ...]) -> Entry:
    entry = directory.read_dn(dn, attributes)
    if entry is None:
        raise NoAccess(
            t("This account cannot read {dn}, which every account of the domain normally can.", dn=dn),
            code="controller-unreadable",
            hint=t("Check the rights of the parameter bind_user's account."),
            values={"dn": dn},
        )
    return entry


def _text(entry: Entry, name: str) -> str:
    value = entry.text(name)
    if not value:
        raise NoAccess(
            t("The root DSE shows no {name}.", name=name),
            code="controller-unreadable",
            hint=t("Check that dc_host is a domain controller of Windows Server 2008 or newer."),
            values={"attribute": name},
        )
    return value
