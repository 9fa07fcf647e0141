"""The root DSE: what a domain controller says of itself to everybody ([MS-ADTS], section 3.1.1.3.2)."""

from __future__ import annotations

from collections.abc import Iterable

from rehearsal.directory.domains import View
from rehearsal.directory.reading import Shown
from rehearsal.directory.rights import ObjectStore
from rehearsal.directory.values import format_time
from runbook_lib.directory.search import sid_bytes

PAGED, SD_FLAGS, SHOW_DELETED = "1.2.840.113556.1.4.319", "1.2.840.113556.1.4.801", "1.2.840.113556.1.4.417"
DOMAIN_SCOPE, PERMISSIVE_MODIFY, TREE_DELETE, SHOW_RECYCLED, SEARCH_OPTIONS, LAZY_COMMIT = (
    "1.2.840.113556.1.4.1339",
    "1.2.840.113556.1.4.1413",
    "1.2.840.113556.1.4.805",
    "1.2.840.113556.1.4.2064",
    "1.2.840.113556.1.4.1340",
    "1.2.840.113556.1.4.619",
)
EXTENDED_DN, VERIFY_NAME, RANGE_NO_ERROR = (
    "1.2.840.113556.1.4.529",
    "1.2.840.113556.1.4.1338",
    "1.2.840.113556.1.4.1948",
)
SUPPORTED_CONTROLS = (
    PAGED,
    SD_FLAGS,
    SHOW_DELETED,
    EXTENDED_DN,
    LAZY_COMMIT,
    "1.2.840.113556.1.4.802",  # no control: says that ranges of values can be asked for
    TREE_DELETE,
    VERIFY_NAME,
    DOMAIN_SCOPE,
    SEARCH_OPTIONS,
    PERMISSIVE_MODIFY,
    RANGE_NO_ERROR,
    SHOW_RECYCLED,
)
WHO_AM_I, START_TLS = "1.3.6.1.4.1.4203.1.11.3", "1.3.6.1.4.1.1466.20037"
_CAPABILITIES = (
    "1.2.840.113556.1.4.800",  # Active Directory
    "1.2.840.113556.1.4.1670",  # of Windows Server 2003
    "1.2.840.113556.1.4.1791",  # signing and sealing after fast binds
    "1.2.840.113556.1.4.1935",  # of Windows Server 2008
    "1.2.840.113556.1.4.2080",  # of Windows Server 2008 R2
    "1.2.840.113556.1.4.2237",  # of Windows Server 2012
)
_READ_ONLY = "1.2.840.113556.1.4.1920"
_POLICIES = (
    "MaxPageSize",
    "MaxValRange",
    "MaxReceiveBuffer",
    "MaxQueryDuration",
    "InitRecvTimeout",
    "MaxConnections",
    "MaxConnIdleTime",
    "MaxResultSetsPerConn",
)
_LEVEL = "7"
_ON_REQUEST = frozenset({"supportedExtension", "msDS-PrincipalName"})
"""Shown only where they are asked for by name."""


def root_dse(
    store: ObjectStore,
    view: View,
    requested: tuple[str, ...],
    *,
    account: str = "",
    token: Iterable[str] = (),
    types_only: bool = False,
) -> list[Shown]:
    """The attributes asked for; for none or ``*`` all that need not be asked for by name.

    ``account`` is who is bound, ``DOMAIN\\user``, empty for nobody; ``token`` the SIDs that this gives rights by.
    """
    everything = not requested or "*" in requested
    wanted = {name.lower() for name in requested}
    shown = (
        (name, values)
        for name, values in _attributes(store, view, account).items()
        if values and (name.lower() in wanted or (everything and name not in _ON_REQUEST))
    )
    texts = [(name, tuple(value.encode("utf-8") for value in values)) for name, values in shown]
    sids = tuple(map(sid_bytes, sorted(token))) if "tokengroups" in wanted else ()
    found = [*texts, ("tokenGroups", sids)] if sids else texts
    return [(name, () if types_only else values) for name, values in found]


def _attributes(store: ObjectStore, view: View, account: str) -> dict[str, tuple[str, ...]]:
    controller = view.controller
    domain = controller.domain
    own = [name for name in store.naming_contexts if view.controller_holds(store, store.node(name).guid)]
    return {
        "currentTime": (format_time(store.clock()).decode("ascii"),),
        "subschemaSubentry": (f"CN=Aggregate,{store.schema_dn}",),
        "dsServiceName": (controller.settings_dn,),
        "namingContexts": tuple(own),
        "defaultNamingContext": (domain.base_dn,),
        "schemaNamingContext": (store.schema_dn,),
        "configurationNamingContext": (store.configuration_dn,),
        "rootDomainNamingContext": (store.base_dn,),
        "supportedControl": SUPPORTED_CONTROLS,
        "supportedLDAPVersion": ("3", "2"),
        "supportedLDAPPolicies": _POLICIES,
        "highestCommittedUSN": (str(store.usn + controller.ahead),),
        # No SASL mechanism is offered, so supportedSASLMechanisms is not there.
        "dnsHostName": (controller.host,),
        "ldapServiceName": (f"{store.domain}:{controller.label}$@{domain.name.upper()}",),
        "serverName": (controller.server_dn,),
        "supportedCapabilities": (*_CAPABILITIES, *((_READ_ONLY,) if controller.read_only else ())),
        "isSynchronized": ("TRUE",),
        "isGlobalCatalogReady": ("TRUE",),
        "domainFunctionality": (_LEVEL,),
        "forestFunctionality": (_LEVEL,),
        "domainControllerFunctionality": (_LEVEL,),
        "supportedExtension": (START_TLS, WHO_AM_I),
        "msDS-PrincipalName": (account,) if account else (),
    }
