"""Security descriptors written as text ([MS-DTYP] 2.5.1.1), as far as defaultSecurityDescriptor uses it.

System lists are passed over: audits decide on nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.directory.rights.constants import AccessMask
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, AceType, Acl, Control, SecurityDescriptor
from runbook_lib.directory.search import sid_bytes

_TYPES = {
    "A": AceType.ALLOWED,
    "D": AceType.DENIED,
    "OA": AceType.ALLOWED_OBJECT,
    "OD": AceType.DENIED_OBJECT,
}
_FLAGS = {
    "OI": AceFlag.OBJECT_INHERIT,
    "CI": AceFlag.CONTAINER_INHERIT,
    "NP": AceFlag.NO_PROPAGATE_INHERIT,
    "IO": AceFlag.INHERIT_ONLY,
    "ID": AceFlag.INHERITED,
}
_RIGHTS = {
    "CC": AccessMask.CREATE_CHILD,
    "DC": AccessMask.DELETE_CHILD,
    "LC": AccessMask.LIST_CONTENTS,
    "SW": AccessMask.VALIDATED_WRITE,
    "RP": AccessMask.READ_PROPERTY,
    "WP": AccessMask.WRITE_PROPERTY,
    "DT": AccessMask.DELETE_TREE,
    "LO": AccessMask.LIST_OBJECT,
    "CR": AccessMask.CONTROL_ACCESS,
    "SD": AccessMask.DELETE,
    "RC": AccessMask.READ_CONTROL,
    "WD": AccessMask.WRITE_DAC,
    "WO": AccessMask.WRITE_OWNER,
    "GA": AccessMask.GENERIC_ALL,
    "GR": AccessMask.GENERIC_READ,
    "GW": AccessMask.GENERIC_WRITE,
    "GX": AccessMask.GENERIC_EXECUTE,
}
_OF_DOMAIN = {"LA": 500, "LG": 501, "DA": 512, "DU": 513, "DG": 514, "DC": 515, "DD": 516, "CA": 517, "PA": 520}
_OF_DOMAIN |= {"RS": 553}
_OF_FOREST = {"RO": 498, "SA": 518, "EA": 519}
_EVERYWHERE = {
    "WD": "S-1-1-0",
    "CO": "S-1-3-0",
    "CG": "S-1-3-1",
    "OW": "S-1-3-4",
    "NU": "S-1-5-2",
    "AN": "S-1-5-7",
    "ED": "S-1-5-9",
    "PS": "S-1-5-10",
    "AU": "S-1-5-11",
    "SY": "S-1-5-18",
    "BA": "S-1-5-32-544",
    "BU": "S-1-5-32-545",
    "BG": "S-1-5-32-546",
    "AO": "S-1-5-32-548",
    "SO": "S-1-5-32-549",
    "PO": "S-1-5-32-550",
    "BO": "S-1-5-32-551",
    "RU": "S-1-5-32-554",
}
_DACL_FLAGS = {"P": Control.DACL_PROTECTED, "AI": Control.DACL_AUTO_INHERITED, "AR": Control.DACL_AUTO_INHERIT_REQUIRED}
_PART = re.compile(r"([OGDS]):((?:\([^()]*\)|[^():])*?)(?=[OGDS]:|$)")
_ACE = re.compile(r"\(([^()]*)\)")


def sid_of(text: str, domain_sid: str, forest_sid: str) -> str:
    """The SID behind an alias such as ``DA``, or the one that is written out; raises ValueError."""
    if text in _OF_DOMAIN:
        return f"{domain_sid}-{_OF_DOMAIN[text]}"
    if text in _OF_FOREST:
        return f"{forest_sid}-{_OF_FOREST[text]}"
    if text not in _EVERYWHERE:
        sid_bytes(text)
    return _EVERYWHERE.get(text, text)


def parse_aces(text: str, domain_sid: str, forest_sid: str) -> tuple[Ace, ...]:
    """The entries of ``(A;CI;RPWP;;;DA)(OA;…)``; raises ValueError for anything else."""
    if _ACE.sub("", text).strip():
        raise ValueError(f"not a list of access control entries: {text!r}")
    return tuple(_ace(body, domain_sid, forest_sid) for body in _ACE.findall(text))


def parse_sddl(text: str, domain_sid: str, forest_sid: str | None = None) -> SecurityDescriptor:
    """The descriptor of ``O:…G:…D:…``; aliases such as ``DA`` mean groups of that domain, ``EA`` one of the forest's.

    Raises:
        ValueError: Not SDDL, or a part of it that is not understood.
    """
    forest_sid = forest_sid or domain_sid
    parts = dict(_PART.findall(text))
    if "".join(f"{letter}:{body}" for letter, body in parts.items()) != text:
        raise ValueError(f"not a security descriptor: {text!r}")
    control, dacl = Control(0), None
    if "D" in parts:
        flags = _ACE.sub("", parts["D"])
        for flag in _pairs(flags, _DACL_FLAGS):
            control |= _DACL_FLAGS[flag]
        dacl = Acl(parse_aces(parts["D"][len(flags) :], domain_sid, forest_sid))
    sids = {letter: sid_of(parts[letter], domain_sid, forest_sid) for letter in ("O", "G") if letter in parts}
    return SecurityDescriptor(sids.get("O"), sids.get("G"), dacl, None, control)


def _ace(body: str, domain_sid: str, forest_sid: str) -> Ace:
    fields = body.split(";")
    if len(fields) != 6 or fields[0] not in _TYPES:
        raise ValueError(f"not an access control entry: ({body})")
    kind, flags, rights, object_type, inherited_type, sid = fields
    flag_bits, mask = AceFlag(0), AccessMask(0)
    for flag in _pairs(flags, _FLAGS):
        flag_bits |= _FLAGS[flag]
    if rights.startswith("0x"):
        mask = AccessMask(int(rights, 16))
    else:
        for right in _pairs(rights, _RIGHTS):
            mask |= _RIGHTS[right]
    return Ace(
        _TYPES[kind],
        sid_of(sid, domain_sid, forest_sid),
        mask,
        flag_bits,
        object_type.lower() or None,
        inherited_type.lower() or None,
    )


def _pairs(text: str, known: dict[str, AccessMask] | dict[str, AceFlag] | dict[str, Control]) -> Iterator[str]:
    """The names that a run of letters such as ``RPWP`` is made of."""
    at = 0
    while at < len(text):
        name = next((text[at : at + length] for length in (2, 1) if text[at : at + length] in known), None)
        if name is None:
            raise ValueError(f"unknown letters in {text!r}")
        yield name
        at += len(name)
