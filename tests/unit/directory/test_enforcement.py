"""The policies of AD object enforcement are read, and what they are taken to refuse is what a controller refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import read_one_deleted
from runbook_lib.directory.errors import RightsMissing
from runbook_lib.directory.rights.account import read_enforcement
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.directory.two_ous import read_place
from runbook_lib.errors import RunbookError
from runbook_lib.model.directory import UNIVERSAL_DISTRIBUTION, AttributeDelta
from runbook_lib.model.enforcement import EnforcementMode, Leave
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, RETIRED, TARGET, WRITER, Embedded, clock

CONTAINER = f"CN=SOA-Policies,CN=System,{BASE}"


def add_policy(embedded: Embedded, mode: str, *sids: str, name: str = "Cloud") -> None:
    store = embedded.store
    if store.tree.find(CONTAINER) is None:
        store.add(CONTAINER, {"objectClass": "container"})
    values: dict[str, str | list[str]] = {"objectClass": "container", "msDS-Settings": list(sids), "keywords": mode}
    store.add(f"CN={name},{CONTAINER}", {key: value for key, value in values.items() if value})


def test_without_a_container_there_is_nothing_to_ask(directory: Directory) -> None:
    requests = directory.requests
    found = read_enforcement(directory)
    assert (found.policies, found.leave) == ((), Leave.GIVEN)
    assert directory.requests - requests == 1


def test_a_container_without_a_policy_refuses_nobody(embedded: Embedded, directory: Directory) -> None:
    embedded.store.add(CONTAINER, {"objectClass": "container"})
    assert read_enforcement(directory).leave is Leave.GIVEN


STALE = "a SID that nobody has"
CASES = {
    "nobody": ("Enforced", (), Leave.REFUSED),
    "somebody else": ("enforced", ("administrator",), Leave.REFUSED),
    "this account": ("Enforced", ("writer", "administrator"), Leave.GIVEN),
    "audit": ("Audit", (), Leave.GIVEN),
    "no SID among them": ("Enforced", ("writer", "Robert"), Leave.REFUSED),
    "a stale SID among them": ("Enforced", ("writer", STALE), Leave.REFUSED),
    "64 with this account": ("Enforced", ("writer", *map(str, range(63))), Leave.GIVEN),
    "65 with this account": ("Enforced", ("writer", *map(str, range(64))), Leave.REFUSED),
}


def listed(embedded: Embedded, names: tuple[str, ...]) -> list[str]:
    found = []
    for name in names:
        if name in ("writer", "administrator"):
            found.append(embedded.store.sid(WRITER if name == "writer" else ADMINISTRATOR))
        elif name == STALE:
            found.append(f"{embedded.store.domain_sid}-4711")
        elif name.isdigit():
            embedded.add_group(f"listed {name}", f"OU=Staff,{BASE}")
            found.append(embedded.store.sid(f"CN=listed {name},OU=Staff,{BASE}"))
        else:
            found.append(name)
    return found


def refused(action: Callable[[], object]) -> bool:
    """Whether the controller refuses, with its own error and not with access denied."""
    try:
        action()
    except RightsMissing:
        raise
    except RunbookError as error:
        if "cloud SOA policy" not in error.message:
            raise
        return True
    return False


@pytest.mark.parametrize("case", CASES)
def test_what_is_predicted_is_what_the_controller_does(embedded: Embedded, directory: Directory, case: str) -> None:
    """Modify, move and restore are refused or not; adding and deleting pass whatever the policy says."""
    mode, names, leave = CASES[case]
    embedded.store.recycle_bin = True
    embedded.store.grant_reanimation(WRITER)
    marked, gone = (embedded.add_group(name, **{"msDS-ObjectSoa": "Cloud"}) for name in ("Marked", "Gone"))
    plain = embedded.add_group("Plain")
    embedded.store.delete(f"CN=Gone,{TARGET}")
    add_policy(embedded, mode, *listed(embedded, names))
    found = read_enforcement(directory)
    assert found.leave is leave
    assert found.account_sid == embedded.store.sid(WRITER)
    deleted = read_one_deleted(directory, gone)
    assert deleted is not None
    assert deleted.governed_by_cloud
    change = (AttributeDelta("description", added=("x",)),)
    assert refused(lambda: directory.modify(marked, change)) is (leave is Leave.REFUSED)
    assert refused(lambda: directory.move(marked, "CN=Marked", RETIRED)) is (leave is Leave.REFUSED)
    assert refused(lambda: directory.undelete(deleted.dn, f"CN=Gone,{TARGET}", {})) is (leave is Leave.REFUSED)
    directory.modify(plain, change)
    directory.move(plain, "CN=Plain", RETIRED)
    directory.delete(marked)
    values = {"objectClass": ["group"], "sAMAccountName": ["new"], "groupType": [str(UNIVERSAL_DISTRIBUTION)]}
    directory.add(f"CN=New,{TARGET}", {**values, "msDS-ObjectSoa": ["Cloud"]})


def test_an_object_that_says_neither_is_unknown_and_every_child_is_read(
    embedded: Embedded, directory: Directory
) -> None:
    add_policy(embedded, "", name="CloudSyncSOAPolicy")
    add_policy(embedded, "Audit")
    found = read_enforcement(directory)
    assert [policy.mode for policy in found.policies] == [EnforcementMode.AUDIT, EnforcementMode.UNKNOWN]
    assert found.leave is Leave.UNKNOWN


def test_a_group_of_the_account_on_the_list_is_not_decided_here(embedded: Embedded, directory: Directory) -> None:
    embedded.add_group("Helpers", f"OU=Staff,{BASE}", groupType="-2147483646", member=WRITER)
    add_policy(embedded, "Enforced", embedded.store.sid(f"CN=Helpers,OU=Staff,{BASE}"))
    assert read_enforcement(directory).leave is Leave.UNKNOWN


def test_the_snapshot_and_the_place_carry_policy_and_mark(embedded: Embedded, directory: Directory) -> None:
    embedded.add_group("Marked", **{"msDS-ObjectSoa": "Cloud"})
    add_policy(embedded, "Enforced")
    snapshot = read_directory(directory, TARGET, RETIRED, clock=clock)
    assert snapshot.enforcement.leave is Leave.REFUSED
    assert [group.dn for group in snapshot.groups if group.governed_by_cloud] == [f"CN=Marked,{TARGET}"]
    assert read_place(directory, TARGET, RETIRED).enforcement == snapshot.enforcement
