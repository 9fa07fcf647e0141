"""Windows security descriptors as Active Directory stores them in ``nTSecurityDescriptor``: bytes in, frozen types out.

``descriptor`` reads and writes the binary form ([MS-DTYP] 2.4), ``rights`` names the bits of access masks and the SIDs
that mean the same in every domain, ``identifiers`` the GUIDs of classes, attributes, property sets and rights that
access control entries refer to. ``access`` decides as AD does. ``situation``, ``operations``, ``answers``,
``rights_table``, ``existing_groups``, ``needed_grants`` and ``need_title`` say what an account may do of what this
product does. Nothing here touches the network.
"""

from runbook_lib.directory.rights.constants import (
    AccessMask,
    GuidKind,
    KnownGuid,
    WellKnownSid,
    expand_generic,
    guid_of,
    known_guids,
)
from runbook_lib.directory.rights.descriptor import (
    Ace,
    AceFlag,
    AceType,
    Acl,
    Control,
    OpaqueAce,
    SecurityDescriptor,
    parse_security_descriptor,
)

__all__ = [
    "AccessMask",
    "Ace",
    "AceFlag",
    "AceType",
    "Acl",
    "Control",
    "GuidKind",
    "KnownGuid",
    "OpaqueAce",
    "SecurityDescriptor",
    "WellKnownSid",
    "expand_generic",
    "guid_of",
    "known_guids",
    "parse_security_descriptor",
]
