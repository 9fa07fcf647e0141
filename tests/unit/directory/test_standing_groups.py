"""Which groups stand in a domain while v1's are waited for to go: the OU by change number, the rest by a whole look."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.routes.connect_sync.watch_gone import StandingGroups
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, RETIRED, TARGET, Embedded

ANCHOR = {"adminDescription": f"Group_{uuid.UUID(int=1)}"}


@pytest.fixture
def admin(embedded: Embedded) -> Iterator[Directory]:
    with embedded.open(bind_user=ADMINISTRATOR) as opened:
        yield opened


def test_the_ou_is_followed_and_the_domain_is_listed_when_it_matters(embedded: Embedded, admin: Directory) -> None:
    going = embedded.add_group("going", TARGET, **ANCHOR)
    other = embedded.add_group("other", RETIRED)
    groups = StandingGroups(admin, TARGET)
    first = groups.look(True)
    assert {going, other} <= first
    assert len(first) > 2, "the domain's own groups are among them"
    before = admin.requests
    assert groups.look(True) == first
    assert admin.requests - before == 1, "as long as nothing changed one number is asked for"
    admin.delete(going)
    admin.delete(other)
    assert groups.look(True) == first - {going}
    assert groups.look(False) == first - {going, other}


def test_an_ou_that_is_gone_holds_nothing(embedded: Embedded, admin: Directory) -> None:
    other = embedded.add_group("other", RETIRED)
    assert other in StandingGroups(admin, f"OU=Gone,{BASE}").look(True)
