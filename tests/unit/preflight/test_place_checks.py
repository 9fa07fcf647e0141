"""Where groups would be written: every row of the checks on OUs, rights, forest and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.directory.rights.account import read_situation
from runbook_lib.directory.rights.constants import AccessMask, WellKnownSid
from runbook_lib.directory.rights.descriptor import Ace, AceType, Acl, Control, SecurityDescriptor
from runbook_lib.directory.rights.evaluate import GroupHolder, Place, Situation
from runbook_lib.directory.rights.needs import AllowEntry
from runbook_lib.directory.two_ous import ForestReading, PlaceReading, TakenName, read_place, read_taken_names
from runbook_lib.errors import NoAccess
from runbook_lib.graph.tenant.parts import WritebackContainers
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import Container, DirectoryGroup
from runbook_lib.model.enforcement import Enforcement, EnforcementMode, SoaPolicy
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight import parts
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.derived import NamesAhead, NewName, wanted_names
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import hand_offs
from runbook_lib.preflight.hand_off.templates import dsacls_lines
from runbook_lib.preflight.parts import RIGHTS
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from runbook_lib.shown.preflight import rights_tables
from tests.unit.directory.embedded import BASE, RETIRED, TARGET, WRITER, Embedded, clock
from tests.unit.preflight.builders import TENANT_ID, findings, group, ids, tenant
from tests.unit.preflight.builders import evidence as evidence_of

OU = Container(TARGET, True, ObjectGuid("g1"), ("top", "organizationalUnit"))
RETIRED_OU = Container(RETIRED, True, ObjectGuid("g2"), ("top", "organizationalUnit"))
PLACE = PlaceReading(OU, RETIRED_OU, BASE)
FOREST = ForestReading(7, 7, Switch.ON, 180, "tombstoneLifetime", Switch.ON)
CLAIM = "11111111-1111-1111-1111-111111111111"


def evidence(parameters: dict[str, object] | None = None, **parts: Any) -> Evidence:
    return evidence_of(Parameters.model_validate(parameters or {}), **parts)


def written(name: str, **attributes: str) -> DirectoryGroup:
    values = {key.replace("_", "-"): (value,) for key, value in attributes.items()}
    return DirectoryGroup(ObjectGuid(name), f"CN={name},{TARGET}", None, values)


@pytest.mark.parametrize(
    ("place", "parameters", "expected"),
    [
        (PLACE, {}, []),
        (replace(PLACE, target=Container(TARGET, False)), {}, ["ou-missing:target_ou"]),
        (replace(PLACE, retired=Container(RETIRED, False)), {}, ["ou-missing:retired_ou"]),
        (replace(PLACE, retired=Container("", False)), {}, ["retired-ou-not-named"]),
        (replace(PLACE, target=replace(OU, dn=BASE)), {}, ["ou-domain-root:target_ou", "ous-overlap"]),
        (replace(PLACE, target=replace(OU, object_classes=("container",))), {}, ["ou-not-an-ou:target_ou"]),
        (replace(PLACE, target=replace(OU, is_critical=True)), {}, ["ou-special:target_ou"]),
        (PLACE, {"protected_ous": [TARGET]}, ["ou-protected:target_ou"]),
        (replace(PLACE, target=replace(OU, dn="OU=X,DC=other,DC=com")), {}, ["ou-other-domain:target_ou"]),
        (replace(PLACE, retired=replace(RETIRED_OU, dn=f"OU=In,{TARGET}")), {}, ["ous-overlap"]),
        (replace(PLACE, retired=OU), {}, ["ous-overlap"]),
    ],
)
def test_what_an_ou_must_be(place: PlaceReading, parameters: dict[str, object], expected: list[str]) -> None:
    found = findings("ous", evidence(parameters, place=place))
    assert ids(found) == expected
    blocking = {one.id for one in found if one.severity is Severity.BLOCKING}
    assert blocking == set(expected) - {"retired-ou-not-named"}


def test_the_scope_of_synchronizations_is_never_proved_from_here() -> None:
    (found,) = findings("ou-sync-scope", evidence(place=PLACE))
    assert (found.id, found.acknowledgeable) == ("target-ou-sync-scope", True)
    assert findings("ou-sync-scope", evidence(place=replace(PLACE, target=Container(TARGET, False)))) == []
    (check,) = [check for check in CHECKS if check.id == "ou-sync-scope"]
    assert check.severity_on(Route.DIRECT, found.severity) is Severity.UNKNOWN


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        (None, []),
        (f"OU=Other,{BASE}", []),
        ("no DN at all", ["ou-of-connect-v1-unknown"]),
        (TARGET.upper(), ["ou-of-connect-v1:target_ou"]),
        (f"OU=V1,{RETIRED}", ["ou-of-connect-v1:retired_ou"]),
        (BASE, ["ou-of-connect-v1:target_ou", "ou-of-connect-v1:retired_ou"]),
    ],
)
def test_connects_own_container(reported: str | None, expected: list[str]) -> None:
    reading = tenant(containers=WritebackContainers(reported, None))
    assert ids(findings("ou-of-connect-v1", evidence(place=PLACE, tenant=reading))) == expected


@pytest.mark.parametrize(
    ("attested", "until", "severity"),
    [
        ("", "", Severity.UNKNOWN),
        ("Ana", "2026-11-21", Severity.UNKNOWN),
        ("Ana", "2026-11-22", Severity.INFO),
        ("", "2026-12-01", Severity.UNKNOWN),
    ],
)
def test_a_container_that_the_tenant_does_not_tell(attested: str, until: str, severity: Severity) -> None:
    """Unknown, unless somebody attests, today still, that Connect Sync's writeback is off."""
    hidden = tenant(containers=Unreadable("part", "app-only", t("It may not be read")))
    said: dict[str, object] = {"attest_connect_v1_off_by": attested, "attest_connect_v1_off_until": until}
    (found,) = findings("ou-of-connect-v1", evidence(said, place=PLACE, tenant=hidden))
    assert (found.id, found.severity) == ("ou-of-connect-v1-unknown", severity)


def test_objects_of_others() -> None:
    """Ours pass; another tenant's, another writer's and unmarked groups do not; nor does anything that is no group."""
    ours = written("ours", adminDescription=f"Group_{CLAIM}", extensionName=f"gwb:{TENANT_ID}:{CLAIM}")
    theirs = written("theirs", adminDescription=f"Group_{CLAIM}")
    plain = written("plain")
    by_hand = replace(PLACE, groups=(ours, theirs, plain), others=(f"CN=ann,{TARGET}",))
    parameters: dict[str, object] = {"tenant_id": TENANT_ID}
    foreign, other = findings("ou-other-objects", evidence(parameters, place=by_hand))
    assert (foreign.id, foreign.values["dns"]) == ("other-writer-in-target-ou", [theirs.dn])
    assert other.values["dns"] == [f"CN=ann,{TARGET}", plain.dn]
    assert findings("ou-other-objects", evidence(parameters, place=replace(PLACE, groups=(ours,)))) == []
    elsewhere = replace(plain, dn=f"CN=plain,{RETIRED}")
    assert findings("ou-other-objects", evidence(parameters, place=replace(PLACE, groups=(elsewhere,)))) == []


ME, HELPERS = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-1200"
POLICY = SoaPolicy(f"CN=Cloud,CN=SOA-Policies,CN=System,{BASE}", EnforcementMode.ENFORCED)


def enforced(*policies: SoaPolicy, marked: bool = True, why: Text = NOTHING) -> PlaceReading:
    found = Enforcement(policies, ME, frozenset({ME, HELPERS}), why)
    return replace(PLACE, enforced=(f"CN=x,{TARGET}",) if marked else (), enforcement=found)


@pytest.mark.parametrize(
    ("place", "expected", "words"),
    [
        (PLACE, [], ""),
        (enforced(marked=False), [], ""),
        (enforced(POLICY), [("object-enforcement-refused", Severity.BLOCKING)], "is enforced, for 0 SIDs, and this"),
        (
            enforced(replace(POLICY, sids=(ME,), invalid=("Robert",))),
            [("object-enforcement-refused", Severity.BLOCKING)],
            "cannot be loaded (Robert is no SID of an object)",
        ),
        (enforced(replace(POLICY, sids=(ME,))), [("object-enforcement-passes", Severity.INFO)], "is on it"),
        (enforced(replace(POLICY, sids=(HELPERS,))), [("object-enforcement-unknown", Severity.UNKNOWN)], "a group of"),
        (
            enforced(replace(POLICY, mode=EnforcementMode.AUDIT)),
            [("object-enforcement-passes", Severity.INFO)],
            "logged, not refused",
        ),
        (
            enforced(replace(POLICY, mode=EnforcementMode.UNKNOWN)),
            [("object-enforcement-unknown", Severity.UNKNOWN)],
            "shows neither",
        ),
        (enforced(), [("object-enforcement-passes", Severity.INFO)], "No policy shows"),
        (enforced(why=t("not readable")), [("object-enforcement-unknown", Severity.UNKNOWN)], "not readable"),
        (enforced(POLICY, marked=False), [("object-enforcement-on", Severity.INFO)], "applies to none"),
        (enforced(replace(POLICY, mode=EnforcementMode.AUDIT), marked=False), [], ""),
    ],
)
def test_objects_that_a_policy_governs(place: PlaceReading, expected: list[tuple[str, Severity]], words: str) -> None:
    found = findings("ou-enforcement", evidence(place=place))
    assert [(one.id, one.severity) for one in found] == expected
    assert all(words in one.seen and "(Preview)" in one.source for one in found)
    for one in found:
        if one.severity is Severity.BLOCKING:
            assert "Creating and deleting are not restricted" in one.why


# rights


@pytest.fixture
def situation(embedded: Embedded) -> Situation:
    """The rehearsal's writing account, which has every right but those on deleted objects."""
    embedded.add_group("Ours", extensionName="gwb:t:g")
    with embedded.open() as directory:
        return read_situation(directory, TARGET, RETIRED)


def _with(situation: Situation, place: Place, *entries: Ace, control: Control | None = None) -> Situation:
    holder = situation.places[place]
    assert holder.descriptor is not None
    aces = (*entries, *holder.descriptor.entries)
    descriptor = replace(holder.descriptor, dacl=Acl(aces), control=control or holder.descriptor.control)
    return replace(situation, places={**situation.places, place: replace(holder, descriptor=descriptor)})


def test_an_account_that_has_every_right(situation: Situation) -> None:
    """Rights on deleted objects are missed only where something is to be deleted."""
    given = evidence(rights=situation)
    for check in ("rights", "rights-known", "rights-on-groups", "ou-inheritance", "ou-deletion-protection"):
        assert findings(check, given) == []
    (less,) = findings("rights-for-less", given)
    assert (less.id, less.severity) == ("rights-to-delete", Severity.INFO)
    deleting = evidence({"disable_by": "delete"}, rights=situation)
    assert sorted(ids(findings("rights", deleting))) == [
        "right-missing:deleted-objects:LCRP",
        "right-missing:domain:CA:reanimate-tombstones",
    ]
    assert findings("rights-known", deleting) == []
    assert findings("rights-for-less", deleting) == []


def test_a_missing_right_is_named_with_what_it_breaks_and_the_line_that_grants_it(situation: Situation) -> None:
    account = situation.account
    stripped = {
        place: replace(holder, descriptor=_without(holder.descriptor, account.sid))
        for place, holder in situation.places.items()
    }
    found = {one.id: one for one in findings("rights", evidence(rights=replace(situation, places=stripped)))}
    member = found["right-missing:target-group:WP:member"]
    assert member.severity is Severity.BLOCKING
    assert member.values["operations"] == ["write:target:member"]
    assert "Add and remove members in the target OU" in member.why
    line = f"dsacls '{TARGET}' /I:S /G 'CONTOSO\\svc-gwb:WP;member;group'"
    assert member.values["dsacls"] == [line]
    assert member.to_do == f"Run: {line}"
    (offer,) = hand_offs([member])
    assert [text for text in offer.text.splitlines() if not text.startswith("#")] == [line.partition(" /I:S")[0], line]
    enter = found["right-missing:target:CC:group"]
    assert enter.values["operations"] == ["create", "restore"]
    assert {one.id for one in found.values() if "DC" in one.id} == {
        "right-missing:target:DC:group",
        "right-missing:retired:DC:group",
    }


def _without(descriptor: SecurityDescriptor | None, sid: str) -> SecurityDescriptor | None:
    return descriptor and replace(descriptor, dacl=Acl(tuple(ace for ace in descriptor.entries if ace.sid != sid)))


def test_a_deny_is_named_and_no_grant_is_offered(situation: Situation) -> None:
    deny = Ace(AceType.DENIED, WellKnownSid.EVERYONE, AccessMask.CREATE_CHILD)
    (found,) = findings("rights", evidence(rights=_with(situation, Place.TARGET, deny)))
    assert found.id == "right-missing:target:CC:group"
    assert "denies 0x1 to S-1-1-0" in found.seen
    assert found.values["dsacls"] == []
    assert found.to_do.startswith("Remove the entry")
    assert hand_offs([found]) == ()


def test_what_cannot_be_told(situation: Situation) -> None:
    unread = replace(situation.places[Place.TARGET], descriptor=None, why=t("it hides"))
    blind = replace(situation, places={**situation.places, Place.TARGET: unread})
    (found,) = findings("rights-known", evidence(rights=blind))
    assert (found.severity, "it hides" in found.seen) == (Severity.UNKNOWN, True)
    assert findings("rights", evidence(rights=blind)) == [found], "the account has every right: nobody can say that"


def test_groups_whose_list_differs(situation: Situation) -> None:
    (ours,) = situation.groups
    assert ours.descriptor is not None
    bare = replace(ours, descriptor=_without(ours.descriptor, situation.account.sid))
    unread = GroupHolder(f"CN=unread,{TARGET}", None, None)
    given = evidence(rights=replace(situation, groups=(bare, unread)))
    lost, unknown = findings("rights-on-groups", given)
    assert (lost.id, lost.severity) == ("group-rights", Severity.WARNING)
    assert "write:target:member" in lost.values["groups"][ours.dn]  # type: ignore[index]
    assert "1 written groups: CN=Ours" in lost.seen
    assert (unknown.id, unknown.severity) == ("group-rights-unknown", Severity.UNKNOWN)


def test_protection(situation: Situation) -> None:
    """Of an OU from inheritance; of groups from deletion, which shows on the group and on its OU."""
    protected = _with(situation, Place.RETIRED, control=Control.DACL_PROTECTED | Control.DACL_PRESENT)
    assert ids(findings("ou-inheritance", evidence(rights=protected))) == ["ou-inheritance-protected:retired"]
    on_ou = Ace(AceType.DENIED, WellKnownSid.EVERYONE, AccessMask.DELETE_CHILD)
    (found,) = findings("ou-deletion-protection", evidence(rights=_with(situation, Place.TARGET, on_ou)))
    assert (found.values["ous"], found.values["groups"]) == (["target OU"], [])
    (ours,) = situation.groups
    deny = Ace(AceType.DENIED, WellKnownSid.EVERYONE, AccessMask.DELETE | AccessMask.DELETE_TREE)
    group_ = replace(ours, descriptor=replace(ours.descriptor or SecurityDescriptor(), dacl=Acl((deny,))))
    (found,) = findings("ou-deletion-protection", evidence(rights=replace(situation, groups=(group_,))))
    assert found.values["groups"] == [ours.dn]


def test_the_table_of_rights(situation: Situation) -> None:
    """Every operation with its answer; a right that is missing with its line."""
    html = rights_tables(evidence(rights=situation))
    assert "Rights of CONTOSO\\svc-gwb" in html
    assert "Reanimate Tombstones" in html
    assert html.count(">yes<") > 20
    assert not rights_tables(evidence())


def test_a_quotation_mark_in_a_dn_reaches_dsacls() -> None:
    """As the pair of hexadecimal digits, which needs no quoting."""
    (line,) = dsacls_lines([AllowEntry("OU=a\\\"b'c,DC=x", AccessMask.CREATE_CHILD, "group")], "X\\y")
    assert line == "dsacls 'OU=a\\22b''c,DC=x' /G 'X\\y:CC;group'"


# forest


@pytest.mark.parametrize(
    ("check", "change", "retire", "delete"),
    [
        ("recycle-bin", {}, [], []),
        (
            "recycle-bin",
            {"recycle_bin": Switch.OFF},
            [("recycle-bin-off", Severity.INFO)],
            [("recycle-bin-off", Severity.WARNING)],
        ),
        (
            "recycle-bin",
            {"recycle_bin": Switch.UNKNOWN},
            [("recycle-bin-unknown", Severity.INFO)],
            [("recycle-bin-unknown", Severity.UNKNOWN)],
        ),
        ("deleted-objects", {}, [], []),
        (
            "deleted-objects",
            {"listable": Switch.OFF},
            [("deleted-objects-not-listed", Severity.INFO)],
            [("deleted-objects-not-listed", Severity.BLOCKING)],
        ),
        (
            "deleted-objects",
            {"listable": Switch.UNKNOWN},
            [("deleted-objects-unproved", Severity.INFO)],
            [("deleted-objects-unproved", Severity.UNKNOWN)],
        ),
        ("functional-levels", {"domain_level": 4, "forest_level": 4}, [], []),
        ("functional-levels", {"forest_level": 3}, *[[("functional-level-old", Severity.WARNING)]] * 2),
        ("functional-levels", {"domain_level": None}, *[[("functional-level-unknown", Severity.UNKNOWN)]] * 2),
    ],
)
def test_the_forest(
    check: str, change: dict[str, Any], retire: Sequence[tuple[str, Severity]], delete: Sequence[tuple[str, Severity]]
) -> None:
    forest = replace(FOREST, **change)

    def told(found: list[Finding]) -> list[tuple[str, Severity]]:
        return [(one.id, one.severity) for one in found]

    assert told(findings(check, evidence(forest=forest))) == list(retire)
    assert told(findings(check, evidence({"disable_by": "delete"}, forest=forest))) == list(delete)


# names


def name(group_id: str, common: str = "Sales_1", account: str = "Group_1") -> NewName:
    return NewName(group_id, "Sales", common, account)


def test_names_that_are_taken() -> None:
    """By anybody but the group's own object; the message names which."""
    rdn = TakenName(f"CN=sales_1,{TARGET}", "x", "sales_1", frozenset())
    sam = TakenName(f"CN=y,{BASE}", "GROUP_1", "", frozenset({"other"}))
    own = TakenName(f"CN=Sales_1,{TARGET}", "Group_1", "Sales_1", frozenset({"g"}))
    for taken, names in ((rdn, ["RDN"]), (sam, ["sAMAccountName"])):
        (found,) = findings("names-free", evidence(names=NamesAhead((name("g"),), (taken,))))
        assert (found.id, found.values["names"]) == ("name-taken:g", names)
    assert findings("names-free", evidence(names=NamesAhead((name("g"),), (own,)))) == []


def test_names_of_the_groups_among_themselves() -> None:
    twins = NamesAhead((name("a"), name("b", "sales_1", "Group_2")), ())
    (found,) = findings("names-differ", evidence(names=twins))
    assert (found.id, found.values["group_ids"]) == ("names-equal:RDN:sales_1", ["a", "b"])
    assert findings("names-differ", evidence(names=NamesAhead((name("a"), name("b", "x", "y")), ()))) == []


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (name("g", "x" * 64, "y" * 256), False),
        (name("g", "x" * 65), True),
        (name("g", "\U0001f600" * 33), True),
        (name("g", account="y" * 257), True),
        (name("g", account="a,b"), True),
        (name("g", account="ends."), True),
    ],
)
def test_names_that_ad_takes(given: NewName, wrong: bool) -> None:
    assert bool(findings("names-possible", evidence(names=NamesAhead((given,), ())))) is wrong


def test_which_names_are_wanted() -> None:
    """By id, or by pattern where Microsoft 365 groups may be picked by patterns; unknown ids are told."""
    sales, people = group("Sales"), group("People")
    parameters = Parameters.model_validate({"select_names": ["sa*"], "select_ids": [people.id.upper(), CLAIM]})
    names, unseen = wanted_names((sales, people), parameters)
    assert [one.display_name for one in names] == ["Sales", "People"]
    assert (names[0].common_name, names[0].account_name) == (f"Sales_{sales.id[-12:]}", f"Group_{sales.id[-12:]}")
    assert unseen == (CLAIM,)
    (found,) = findings("names-looked-up", evidence(names=NamesAhead(names, (), unseen)))
    assert found.id == "names-not-looked-up"
    others = Parameters.model_validate({"select_names": ["*"], "select_kinds": ["security"]})
    assert wanted_names((sales,), others) == ((), ())


# reading


def test_the_place_is_read(embedded: Embedded) -> None:
    values = {"extensionName": "gwb:t:g", "adminDescription": f"Group_{CLAIM}", "msDS-ObjectSoa": "x"}
    embedded.add_group("Ours", sAMAccountName="ours-account", **values)
    embedded.add_group("Old", RETIRED)
    embedded.store.add(f"CN=ann,{TARGET}", {"objectClass": "contact"})
    with embedded.open() as directory:
        found = read_place(directory, TARGET.upper(), RETIRED)
        taken = read_taken_names(directory, ["ours-account", "none"], ["Old"], [TARGET, RETIRED])
        nothing = read_place(directory, "", f"OU=None,{BASE}")
    assert (found.target.dn, found.retired.dn, found.domain_root) == (TARGET, RETIRED, BASE)
    assert [one.dn for one in found.groups] == [f"CN=Old,{RETIRED}", f"CN=Ours,{TARGET}"]
    assert found.groups[1].attributes["extensionName"] == ("gwb:t:g",)
    assert (found.others, found.enforced) == ((f"CN=ann,{TARGET}",), (f"CN=Ours,{TARGET}",))
    assert found.enforcement_known
    assert [(one.dn, one.common_name, one.group_ids) for one in taken] == [
        (f"CN=Old,{RETIRED}", "Old", frozenset()),
        (f"CN=Ours,{TARGET}", "Ours", frozenset({CLAIM})),
    ]
    assert (nothing.target.exists, nothing.retired.exists, nothing.groups) == (False, False, ())


def test_a_part_that_fails_leaves_the_others(embedded: Embedded) -> None:
    """An account that cannot be determined makes the rights unknown, and nothing else."""
    embedded.store.descriptors.add_entries(f"OU=Staff,{BASE}", f"(D;CI;LCLORPRC;;;{embedded.store.sid(WRITER)})")
    parameters = Parameters.model_validate({"target_ou": TARGET, "retired_ou": RETIRED, "groups_domain": "x.com"})

    def no_graph() -> Any:
        raise NoAccess(t("No sign-in."), code="no-sign-in")

    with embedded.open() as directory:
        found = read_evidence(parameters, Reach(directory=lambda: directory, graph=no_graph), clock=clock)
    why = found.unreadable(RIGHTS)
    assert why is not None
    assert why.code == "account-unknown"
    assert isinstance(found[parts.PLACE], PlaceReading)
    assert isinstance(found[parts.FOREST], ForestReading)
