"""Which AD object a cloud user's keys lead to, and how much they prove. Pure.

Keys in order (Microsoft Entra documentation, "Custom installation of Microsoft Entra Connect", source anchor):
mS-DS-ConsistencyGuid, objectGUID, SID, Cloud Sync's ``User_<id>``, and the DN only where no better key exists, because
it stays stale after a move until the next synchronization.

A key may be held by mistake: an administrator can write onPremisesImmutableId, and it stays on an account that is no
longer synchronized. So by itself it counts only while the account is synchronized. Nobody can write a SID, and AD never
gives one out twice.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from runbook_lib.directory.search import in_domain
from runbook_lib.model.cloud import CloudPrincipal, PrincipalType
from runbook_lib.model.directory import DirectoryObject, DomainController
from runbook_lib.model.dn import normalize_dn, normalize_foreign_dn, parse_dn
from runbook_lib.model.ids import as_object_guid, user_id_of_anchor

PROVED = 3
"""Two keys that nobody keeps in step by hand agree: the immutable id and the SID."""
ELSEWHERE = frozenset({"other-domain", "other-forest", "other-domain-sid"})
"""Codes of accounts that belong to a domain that was not read."""
_ONE_KEY, _DN_ONLY = 2, 1
"""Keys that point at the account; the other: its name alone does, which counts less."""
_SEVERAL = ""
"""In place of a GUID: several AD objects have the key."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where the keys lead.

    Attributes:
        guid: AD object; None where ``code`` says why none.
        key: The key that decided.
        code: Stable code of the reason, or None.
        proof: How much the keys prove; higher is more.
        value: What the reason names: a domain, a SID or a DN.
    """

    guid: str | None = None
    key: str | None = None
    code: str | None = None
    proof: int = 0
    value: str = ""


class AccountKeys:
    """Look-ups of AD objects by the keys of cloud users; a key of several objects proves nothing."""

    def __init__(self, objects: Iterable[DirectoryObject], controller: DomainController) -> None:
        """Index the objects of the domain of ``controller``."""
        self._controller = controller
        self._others = {_dns_name(dn): dn for dn in controller.other_domains}
        self._by_anchor: dict[str, str] = {}
        self._by_guid: dict[str, str] = {}
        self._by_sid: dict[str, str] = {}
        self._by_external: dict[str, str] = {}
        self._objects = tuple(objects)
        for item in self._objects:
            self._by_guid[item.guid] = item.guid
            _put(self._by_anchor, item.consistency_guid, item.guid)
            _put(self._by_sid, item.sid, item.guid)
            _put(self._by_external, user_id_of_anchor(item.external_id) if item.external_id else None, item.guid)

    @cached_property
    def _by_dn(self) -> dict[str, str]:
        """Made for the first account that has nothing better; most tenants have none."""
        table: dict[str, str] = {}
        for item in self._objects:
            _put(table, normalize_dn(item.dn), item.guid)
        return table

    def resolve(self, person: CloudPrincipal) -> Resolved:
        """The AD object of a user (or another principal that is no group)."""
        immutable = immutable_guid(person.immutable_id)
        found = (
            ("consistency-guid", self._by_anchor.get(immutable or "")),
            ("object-guid", self._by_guid.get(immutable or "")),
            ("sid", self._by_sid.get(person.on_premises_sid or "")),
            ("cloud-sync-anchor", self._by_external.get(person.id)),
        )
        hits = {key: guid for key, guid in found if guid}
        if "consistency-guid" in hits:
            # With this source anchor the same bytes are nobody's objectGUID but by chance.
            hits.pop("object-guid", None)
        if len(set(hits.values())) > 1:
            return Resolved(code="keys-disagree")
        anchored = [key for key in hits if key in ("consistency-guid", "object-guid")]
        others = [key for key in hits if key not in anchored]
        if anchored and not others and not person.on_premises_sync_enabled:
            return Resolved(code="key-unproved", value=next(iter(hits.values())))
        if hits:
            key, guid = next(iter(hits.items()))
            return Resolved(guid, key, proof=PROVED if anchored and "sid" in others else _ONE_KEY)
        if any(guid == _SEVERAL for _, guid in found):
            return Resolved(code="key-ambiguous")
        if (by_dn := self._at_dn(person, immutable)) is not None:
            return Resolved(by_dn, "dn", proof=_DN_ONLY)
        return self._without_object(person)

    def _at_dn(self, person: CloudPrincipal, immutable: str | None) -> str | None:
        # A DN counts only where there is no better key: a stale one may by now belong to somebody else.
        if not person.on_premises_sync_enabled or immutable or person.on_premises_sid or not person.on_premises_dn:
            return None
        return self._by_dn.get(normalize_foreign_dn(person.on_premises_dn) or "") or None

    def _without_object(self, person: CloudPrincipal) -> Resolved:
        if person.type is not PrincipalType.USER:
            return Resolved(code=person.type.value)
        if elsewhere := self.elsewhere(person.on_premises_domain, person.on_premises_dn, person.on_premises_sid):
            return elsewhere
        if person.on_premises_sync_enabled:
            return Resolved(code="not-found")
        if person.immutable_id or person.on_premises_sid or person.on_premises_dn:
            return Resolved(code="leftover-keys")
        return Resolved(code="guest" if (person.user_type or "").casefold() == "guest" else "cloud-only")

    def elsewhere(self, domain: str | None, dn: str | None, sid: str | None) -> Resolved | None:
        """The reason for an object of another domain, by its domain's name, its DN or its SID; None for this domain."""
        name = (domain or "").strip().rstrip(".").casefold() or _dns_name(dn or "")
        here = self._controller.domain_dns_name.casefold()
        if name and name != here:
            return Resolved(code="other-domain" if name in self._others else "other-forest", value=name)
        if not name and sid and not in_domain(sid, self._controller.domain_sid):
            return Resolved(code="other-domain-sid", value=sid)
        return None


def immutable_guid(value: str | None) -> str | None:
    """The GUID inside an onPremisesImmutableId, or None where the source anchor is not a GUID."""
    if not value:
        return None
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return as_object_guid(raw) if len(raw) == 16 else None


def _put(table: dict[str, str], key: str | None, guid: str) -> None:
    if key is not None:
        table[key] = guid if table.get(key, guid) == guid else _SEVERAL


def _dns_name(dn: str) -> str:
    """``emea.contoso.com`` of a DN that ends with ``DC=emea,DC=contoso,DC=com``; empty where there is no such end."""
    try:
        rdns = parse_dn(dn)
    except ValueError:
        return ""
    labels: list[str] = []
    for parts in reversed(rdns):
        if len(parts) != 1 or parts[0][0] != "dc":
            break
        labels.append(parts[0][1].casefold())
    return ".".join(reversed(labels))
