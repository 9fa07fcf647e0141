"""What hangs on groups: each kind of use is found and named, and where nobody looked is said."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.connect.share_permissions import ShareEntry, SharePermissions
from runbook_lib.connect.uses import OF_EXCHANGE, Use, UseKind, account_names, use_findings, uses_of
from runbook_lib.directory.access_entries import AccessEntry, AccessSearch
from runbook_lib.directory.references import LinkHolder, SchemaLinks
from runbook_lib.directory.rights.constants import AccessMask
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.finding import Severity
from runbook_lib.model.ids import as_object_guid

GUID, OTHER = (as_object_guid(f"00000000-0000-4000-8000-00000000000{number}") for number in (1, 2))
SID = "S-1-5-21-1-2-3-1104"
GROUP = DirectoryGroup(GUID, "CN=Sales,OU=Cloud,DC=contoso,DC=com", SID, {"sAMAccountName": ("$ABC-1",)})
LINKS = SchemaLinks(
    {"memberOf": "member", "publicDelegatesBL": "publicDelegates"}, frozenset({"authOrig", "secretary"})
)
HOLDER = "CN=Holder,DC=contoso,DC=com"


def test_each_kind_of_use_is_named() -> None:
    references = {
        GUID: [LinkHolder(name, HOLDER) for name in ("member", "managedBy", "publicDelegates", "msDS-Something")],
        OTHER: [LinkHolder("member", HOLDER)],
    }
    access = AccessSearch(
        (
            AccessEntry(SID, HOLDER, AccessMask.WRITE_PROPERTY),
            AccessEntry(SID, HOLDER, AccessMask(0), owner=True),
            AccessEntry("S-1-5-21-1-2-3-9999", HOLDER, AccessMask.WRITE_PROPERTY),
        ),
        objects=3,
        unreadable=1,
    )
    shares = SharePermissions((ShareEntry("C:\\s", "CONTOSO\\$abc-1", "Modify", allows=False),), rows=7)
    found = uses_of([GROUP], references, LINKS, access, shares, "CONTOSO")
    assert {(use.kind, use.holder, str(use.what)) for use in found.all} == {
        (UseKind.NESTED, HOLDER, "has it as a member"),
        (UseKind.MANAGES, HOLDER, "is managed by it (managedBy)"),
        (UseKind.MAIL, HOLDER, "lets it send on behalf (publicDelegates)"),
        (UseKind.NAMED, HOLDER, "names it in msDS-Something"),
        (UseKind.ACCESS, HOLDER, "allows it 0x00000020"),
        (UseKind.OWNS, HOLDER, "is owned by it"),
        (UseKind.SHARE, "C:\\s", "denies it Modify"),
    }
    assert found.of(GUID) == found.all
    assert found.of(OTHER) == (), "a group that stays is nobody's concern"
    said = " ".join(found.looked_at)
    assert "publicDelegates" in said
    assert "3 objects below" in said
    assert "7 rows" in said
    not_said = " ".join(found.not_looked_at)
    assert "authOrig: this schema has no back link" in not_said
    assert "secretary" not in not_said
    assert "1 object: this account may not" in not_said


def test_what_was_not_asked_for_is_not_looked_at_and_said() -> None:
    found = uses_of([GROUP], {}, LINKS, None, None)
    assert found.all == ()
    said = " ".join(found.not_looked_at)
    assert "access_ous names no OU" in said
    assert "share_permissions names no file" in said
    (only,) = use_findings(found, [GROUP])
    assert (only.id, only.severity) == ("hangs-on-groups-not-looked-at", Severity.INFO)


def test_an_account_is_meant_by_sid_or_with_its_domain() -> None:
    assert account_names([GROUP], "CONTOSO") == {SID.casefold(): GUID, "contoso\\$abc-1": GUID}
    assert account_names([replace(GROUP, sid=None)], "") == {}


def test_uses_are_findings_to_accept_each_kind_once() -> None:
    uses = (
        Use(GUID, UseKind.NESTED, "CN=B", OF_EXCHANGE["authOrig"]),
        Use(GUID, UseKind.NESTED, "CN=A", OF_EXCHANGE["authOrig"]),
        Use(OTHER, UseKind.SHARE, "C:\\s", OF_EXCHANGE["authOrig"]),
    )
    found = list(use_findings(replace(uses_of([], {}, LINKS, None, None), all=uses), [GROUP]))
    assert [one.id for one in found] == [
        "hangs-on-groups:file-share",
        "hangs-on-groups:member-of",
        "hangs-on-groups-not-looked-at",
    ]
    nested = found[1]
    assert nested.acknowledgeable
    assert nested.severity is Severity.BLOCKING
    assert "2 uses of 1 group that will be deleted. CN=A; CN=B" in nested.seen


def test_what_hangs_on_a_group_that_may_stay_is_not_said_to_be_lost() -> None:
    uses = tuple(Use(guid, UseKind.NESTED, HOLDER, OF_EXCHANGE["authOrig"]) for guid in (GUID, OTHER))
    for some, said in (
        (uses, "2 uses of 1 group that will be deleted and 1 group that may be deleted. "),
        (uses[1:], "1 use of 1 group that may be deleted. "),
    ):
        one = next(use_findings(replace(uses_of([], {}, LINKS, None, None), all=some), [GROUP], {OTHER}))
        assert said in one.seen
        assert one.severity is Severity.BLOCKING
        assert one.values["unsure"] == 1
