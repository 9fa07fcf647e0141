"""Entries of access lists that name certain accounts, looked for in OUs that a person named.

Active Directory has no index of the SIDs in access lists, so every object below these OUs is read with its access list;
the whole domain is never searched like that unless it is named. An inherited entry is not repeated for each object
below the one that hands it down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.rights.constants import AccessMask
from runbook_lib.directory.rights.descriptor import parse_security_descriptor
from runbook_lib.directory.search import ANY_OBJECT, Entry
from runbook_lib.model.dn import same_dn
from runbook_lib.model.text import Progress, t

_DESCRIPTOR = "nTSecurityDescriptor"
_PAGE = 200
"""Objects on one page: a descriptor of a busy OU has tens of thousands of bytes."""


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """An object whose access list names a SID.

    Attributes:
        sid: The SID.
        dn: Of the object.
        mask: What the entry is about.
        allows: Whether it allows that; otherwise it denies it.
        owner: Whether it is no entry: the SID owns the object.
        inherited: Whether the entry came from above the OU that was named.
    """

    sid: str
    dn: str
    mask: AccessMask
    allows: bool = True
    owner: bool = False
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class AccessSearch:
    """What was found below some OUs.

    Attributes:
        entries: Sorted by DN.
        objects: How many objects were looked at.
        unreadable: Of these, how many do not show this account their access list.
    """

    entries: tuple[AccessEntry, ...]
    objects: int
    unreadable: int


def find_access_entries(
    directory: Directory, ous: Sequence[str], sids: Collection[str], progress: Progress | None = None
) -> AccessSearch:
    """Look for SIDs in the access lists of every object in and below some OUs.

    Args:
        directory: An open connection.
        ous: DNs. One below another is not read twice.
        sids: ``S-1-…``.
        progress: Told of the objects that were read.

    Raises:
        RunbookError: A search failed; ``object-missing`` where an OU is not there.
    """
    wanted = frozenset(sids)
    found: dict[str, tuple[AccessEntry, ...] | None] = {}

    def named(base: str) -> Iterator[tuple[str, tuple[AccessEntry, ...] | None]]:
        def counted(number: int) -> None:
            if progress is not None:
                progress(t("objects below {ou}", ou=base), len(found) + number, None)

        yield from directory.collect(
            base,
            ANY_OBJECT,
            (_DESCRIPTOR,),
            lambda entry: (entry.dn, _entries(entry, wanted, is_base=same_dn(entry.dn, base))),
            page_size=_PAGE,
            progress=counted,
        )

    for base in ous:
        for dn, entries in named(base):
            found[dn] = found.get(dn) or entries
    readable = [entries for entries in found.values() if entries is not None]
    ordered = sorted(chain.from_iterable(readable), key=lambda one: (one.dn, one.sid, one.mask))
    return AccessSearch(tuple(ordered), len(found), len(found) - len(readable))


def _entries(entry: Entry, sids: frozenset[str], *, is_base: bool) -> tuple[AccessEntry, ...] | None:
    """The entries of one object that name one of the SIDs; None where its access list is not shown."""
    raw = entry.raw(_DESCRIPTOR)
    try:
        descriptor = parse_security_descriptor(raw[0]) if raw else None
    except ValueError:
        descriptor = None
    if descriptor is None:
        return None
    found = [
        AccessEntry(ace.sid, entry.dn, ace.mask, allows=ace.allows, inherited=ace.inherited)
        for ace in descriptor.entries
        if ace.sid in sids and (is_base or not ace.inherited)
    ]
    if descriptor.owner in sids:
        found.append(AccessEntry(descriptor.owner or "", entry.dn, AccessMask(0), owner=True))
    return tuple(found)
