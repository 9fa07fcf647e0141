"""Who names a group, by the back links of the schema; and whom access lists name, below the OUs that were named."""

from __future__ import annotations

import pytest

from runbook_lib.directory.access_entries import AccessEntry, find_access_entries
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import ObjectMissing
from runbook_lib.directory.references import LinkHolder, SchemaLinks, read_holders, read_links
from runbook_lib.directory.rights.constants import AccessMask
from runbook_lib.directory.search import sid_text
from runbook_lib.model.ids import as_object_guid
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, RETIRED, TARGET, WRITER, Embedded


def dn(name: str, ou: str = TARGET) -> str:
    return f"CN={name},{ou}"


def test_every_link_of_the_schema_has_its_back_link(embedded: Embedded, directory: Directory) -> None:
    before = read_links(directory)
    assert (before.forward["memberOf"], before.forward["managedObjects"]) == ("member", "managedBy")
    assert not {"publicDelegates", "authOrig"} & {*before.forward.values(), *before.one_way}
    embedded.store.extend_schema_for_exchange()
    after = read_links(directory)
    assert after.forward["publicDelegatesBL"] == "publicDelegates"
    assert "authOrig" in after.one_way, "the rehearsal's schema has no back link for it"
    assert not set(after.forward.values()) & after.one_way


def test_a_group_says_who_names_it_in_which_attribute(embedded: Embedded, directory: Directory) -> None:
    embedded.store.extend_schema_for_exchange()
    named, alone = (as_object_guid(embedded.add_group(name)) for name in ("named", "alone"))
    away = as_object_guid(embedded.add_group("elsewhere", RETIRED))
    embedded.add_group("holder", RETIRED, member=[dn("named"), dn("elsewhere", RETIRED)])
    embedded.add_group("managed", RETIRED, managedBy=dn("named"))
    embedded.store.modify(WRITER, {"publicDelegates": [dn("named").encode()]})
    found = read_holders(directory, TARGET, [named, alone, away], read_links(directory))
    assert alone not in found
    assert found[away] == (LinkHolder("member", dn("holder", RETIRED)),), "one that stands elsewhere is read by itself"
    assert found[named] == (
        LinkHolder("managedBy", dn("managed", RETIRED)),
        LinkHolder("member", dn("holder", RETIRED)),
        LinkHolder("publicDelegates", WRITER),
    )
    assert read_holders(directory, TARGET, [named], SchemaLinks({}, frozenset())) == {}


def sid_of(embedded: Embedded, name: str) -> str:
    """SID of the object at a DN."""
    return sid_text(embedded.store.node(name).attributes["objectSid"][0])


def test_access_lists_are_looked_at_below_named_ous_alone(embedded: Embedded) -> None:
    embedded.add_group("named")
    embedded.add_group("below", RETIRED)
    sid, entries = sid_of(embedded, dn("named")), embedded.store.descriptors.add_entries
    entries(RETIRED, f"(A;CI;RP;;;{sid})")
    entries(dn("below", RETIRED), f"(D;;WP;;;{sid})")
    entries(f"OU=Staff,{BASE}", f"(A;;RP;;;{sid})")
    with embedded.open(bind_user=ADMINISTRATOR) as admin:
        found = find_access_entries(admin, [RETIRED], [sid])
        assert found.entries == (
            AccessEntry(sid, dn("below", RETIRED), AccessMask.WRITE_PROPERTY, allows=False),
            AccessEntry(sid, RETIRED, AccessMask.READ_PROPERTY),
        ), "an inherited entry is not repeated for each object below"
        assert (found.objects, found.unreadable) == (2, 0)
        from_above = find_access_entries(admin, [dn("below", RETIRED)], [sid]).entries
        assert {(one.mask, one.inherited) for one in from_above} == {
            (AccessMask.WRITE_PROPERTY, False),
            (AccessMask.READ_PROPERTY, True),
        }
        again = find_access_entries(admin, [RETIRED, dn("below", RETIRED)], [sid])
        assert (again.objects, again.entries[-1]) == (2, found.entries[-1])
        assert find_access_entries(admin, [RETIRED], ["S-1-5-21-1-2-3-4"]).entries == ()
        with pytest.raises(ObjectMissing):
            find_access_entries(admin, [f"OU=Nowhere,{BASE}"], [sid])


def test_an_owner_is_found_and_a_list_that_is_not_shown_is_counted(embedded: Embedded, directory: Directory) -> None:
    sid = sid_of(embedded, WRITER)
    embedded.add_group("theirs")
    with embedded.open(bind_user=ADMINISTRATOR) as admin:
        owner = find_access_entries(admin, [dn("theirs")], [sid_of(embedded, ADMINISTRATOR)])
        assert owner.entries == () or owner.entries[-1].owner
    seen = find_access_entries(directory, [TARGET], [sid])
    assert seen.objects == 2
    embedded.store.descriptors.add_entries(dn("theirs"), f"(D;;RC;;;{sid})")
    hidden = find_access_entries(directory, [TARGET], [sid])
    assert (hidden.objects, hidden.unreadable) == (2, 1)
