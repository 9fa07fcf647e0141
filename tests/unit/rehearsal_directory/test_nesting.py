"""Group scopes in the embedded directory: every pair of holder and member, and every change of scope."""

from __future__ import annotations

import pytest

from rehearsal.directory import DirectoryStore
from rehearsal.directory.failures import LdapError
from rehearsal.directory.forest import add_domain
from tests.unit.rehearsal_directory.conftest import BASE, NOW

GLOBAL, LOCAL, UNIVERSAL = "-2147483646", "-2147483644", "-2147483640"
NUMBERS = {
    (UNIVERSAL, LOCAL): "00002146",
    (GLOBAL, LOCAL): "00002144",
    (GLOBAL, UNIVERSAL): "00002145",
}
SCOPES = (GLOBAL, LOCAL, UNIVERSAL)


def group(store: DirectoryStore, name: str, group_type: str, member: str | None = None, base: str = BASE) -> str:
    dn = f"CN={name},CN=Users,{base}"
    more = {"member": member} if member else {}
    # The member before the type: an add names its attributes in any order.
    store.add(dn, {"objectClass": "group", "sAMAccountName": name, **more, "groupType": group_type})
    return dn


def refused(number: str) -> object:
    return pytest.raises(LdapError, match=number)


@pytest.mark.parametrize("holder", SCOPES)
@pytest.mark.parametrize("member", SCOPES)
@pytest.mark.parametrize("distribution", [False, True])
def test_every_pair_in_one_domain(store: DirectoryStore, holder: str, member: str, distribution: bool) -> None:
    inner = group(store, "inner", member)
    outer = group(store, "outer", str(int(holder) + 2**31) if distribution else holder)
    number = NUMBERS.get((holder, member))
    if number is None:
        store.modify(outer, {"member": inner})
        group(store, "made", holder, inner)
        return
    with refused(number):  # type: ignore[attr-defined]
        store.modify(outer, {"member": inner})
    with refused(number):  # type: ignore[attr-defined]
        group(store, "made", holder, inner)


def test_another_domain_and_another_forest() -> None:
    store = DirectoryStore("contoso.com", "CONTOSO", clock=lambda: NOW)
    other = add_domain(store, "emea", "EMEA", host="dc9").base_dn
    person = f"CN=Emil,CN=Users,{other}"
    store.add(person, {"objectClass": "user", "sAMAccountName": "emil"})
    foreign = f"CN=S-1-5-21-9-9-9-1104,CN=ForeignSecurityPrincipals,{BASE}"
    store.add(foreign, {"objectClass": "foreignSecurityPrincipal", "objectSid": "S-1-5-21-9-9-9-1104"})
    universal, wide, local = (group(store, f"g{scope}", scope) for scope in (UNIVERSAL, GLOBAL, LOCAL))
    store.modify(universal, {"member": person})
    with refused("00002165"):  # type: ignore[attr-defined]
        store.modify(universal, {"member": [person, foreign]})
    for stranger in (person, foreign):
        with refused("00002147"):  # type: ignore[attr-defined]
            store.modify(wide, {"member": stranger})
    store.modify(local, {"member": [person, foreign]})
    with refused("00002148"):  # type: ignore[attr-defined]
        store.modify(local, {"member": group(store, "theirs", LOCAL, base=other)})


@pytest.mark.parametrize(
    ("old", "new", "inside", "number"),
    [
        (LOCAL, UNIVERSAL, LOCAL, "00002146"),
        (LOCAL, UNIVERSAL, GLOBAL, None),
        (GLOBAL, UNIVERSAL, GLOBAL, None),
        (UNIVERSAL, GLOBAL, UNIVERSAL, "00002145"),
        (UNIVERSAL, GLOBAL, GLOBAL, None),
        (UNIVERSAL, LOCAL, UNIVERSAL, None),
        (LOCAL, GLOBAL, None, "00002141"),
        (GLOBAL, LOCAL, None, "00002141"),
    ],
)
def test_a_scope_changes_only_where_the_members_fit(
    store: DirectoryStore, old: str, new: str, inside: str | None, number: str | None
) -> None:
    dn = group(store, "changes", old, group(store, "inner", inside) if inside else None)
    if number is None:
        store.modify(dn, {"groupType": new})
    else:
        with refused(number):  # type: ignore[attr-defined]
            store.modify(dn, {"groupType": new})


def test_a_scope_changes_only_where_the_groups_that_hold_it_take_it(store: DirectoryStore) -> None:
    wide = group(store, "wide", GLOBAL)
    group(store, "holder", GLOBAL, wide)
    with refused("00002145"):  # type: ignore[attr-defined]
        store.modify(wide, {"groupType": UNIVERSAL})
    universal = group(store, "universal", UNIVERSAL)
    group(store, "above", UNIVERSAL, universal)
    with refused("00002146"):  # type: ignore[attr-defined]
        store.modify(universal, {"groupType": LOCAL})
    store.modify(universal, {"groupType": "8"})  # the type of the same scope is free
