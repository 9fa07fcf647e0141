"""The root DSE: what a domain controller says of itself to everybody ([MS-ADTS], section 3.1.1.3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.directory.reading import Shown
from rehearsal.directory.values import format_time

if TYPE_CHECKING:
    from rehearsal.directory.store import DirectoryStore

PAGED, SD_FLAGS, SHOW_DELETED = "1.2.840.113556.1.4.319", "1.2.840.113556.1.4.801", "1.2.840.113556.1.4.417"
DOMAIN_SCOPE, PERMISSIVE_MODIFY, TREE_DELETE, SHOW_RECYCLED, SEARCH_OPTIONS, LAZY_COMMIT = (
    "1.2.840.113556.1.4.1339",
    "1.2.840.113556.1.4.1413",
    "1.2.840.113556.1.4.805",
    "1.2.840.113556.1.4.2064",
    "1.2.840.113556.1.4.1340",
    "1.2.840.113556.1.4.619",
)
SUPPORTED_CONTROLS = (
    PAGED,
    SD_FLAGS,
    SHOW_DELETED,
    DOMAIN_SCOPE,
    PERMISSIVE_MODIFY,
    TREE_DELETE,
    SHOW_RECYCLED,
    SEARCH_OPTIONS,
    LAZY_COMMIT,
)
WHO_AM_I, START_TLS = "1.3.6.1.4.1.4203.1.11.3", "1.3.6.1.4.1.1466.20037"
_CAPABILITIES = (
    "1.2.840.113556.1.4.800",  # Active Directory
    "1.2.840.113556.1.4.1670",
    "1.2.840.113556.1.4.1791",
    "1.2.840.113556.1.4.1935",
    "1.2.840.113556.1.4.2080",
    "1.2.840.113556.1.4.2237",
)
_LEVEL = "7"


def root_dse(store: DirectoryStore, requested: tuple[str, ...], *, types_only: bool = False) -> list[Shown]:
    """The attributes asked for; all, for none or ``*``."""
    everything = not requested or "*" in requested
    wanted = {name.lower() for name in requested}
    shown = ((name, values) for name, values in _attributes(store).items() if everything or name.lower() in wanted)
    return [(name, () if types_only else tuple(value.encode("utf-8") for value in values)) for name, values in shown]


def _attributes(store: DirectoryStore) -> dict[str, tuple[str, ...]]:
    name = store.host.split(".")[0]
    return {
        "domainFunctionality": (_LEVEL,),
        "forestFunctionality": (_LEVEL,),
        "domainControllerFunctionality": (_LEVEL,),
        "rootDomainNamingContext": (store.base_dn,),
        "ldapServiceName": (f"{store.domain}:{name}$@{store.domain.upper()}",),
        "isGlobalCatalogReady": ("TRUE",),
        "supportedSASLMechanisms": ("GSSAPI", "GSS-SPNEGO", "EXTERNAL", "DIGEST-MD5"),
        "supportedLDAPVersion": ("3", "2"),
        "supportedLDAPPolicies": ("MaxPageSize", "MaxValRange", "MaxReceiveBuffer", "MaxQueryDuration"),
        "supportedControl": SUPPORTED_CONTROLS,
        "supportedExtension": (START_TLS, WHO_AM_I),
        "supportedCapabilities": _CAPABILITIES,
        "subschemaSubentry": (f"CN=Aggregate,{store.schema_dn}",),
        "serverName": (store.server_dn,),
        "schemaNamingContext": (store.schema_dn,),
        "namingContexts": store.naming_contexts,
        "isSynchronized": ("TRUE",),
        "highestCommittedUSN": (str(store.usn),),
        "dsServiceName": (f"CN=NTDS Settings,{store.server_dn}",),
        "dnsHostName": (store.host,),
        "defaultNamingContext": (store.base_dn,),
        "currentTime": (format_time(store.clock()).decode("ascii"),),
        "configurationNamingContext": (store.configuration_dn,),
    }
