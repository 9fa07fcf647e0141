"""The version table, and the numbers that servers show."""

from __future__ import annotations

import pytest

from runbook_lib.exchange.versions import (
    Build,
    build_of_serial,
    build_of_version_number,
    load_versions,
    role_names,
    spans,
)

_TABLE = load_versions()


def test_the_table_is_whole_and_in_order() -> None:
    assert len(_TABLE.releases) == 77
    assert _TABLE.releases[0].name == "Exchange Server 2000 RTM"
    assert _TABLE.newest.name == "Exchange Server SE RTM"
    assert all(release.source for release in _TABLE.releases)
    for product in {release.product for release in _TABLE.releases}:
        builds = [r.build for r in _TABLE.releases if r.product == product and r.build]
        assert builds == sorted(builds)
        assert len(set(builds)) == len(builds)
        organizations = [r.organization for r in _TABLE.releases if r.product == product and r.organization]
        assert organizations == sorted(organizations)


@pytest.mark.parametrize(
    ("schema", "organization", "names"),
    [
        (17003, 16763, "Exchange Server 2019 CU15 or Exchange Server SE RTM"),
        (17003, 16762, "Exchange Server 2019 CU14"),
        (15334, 16223, "Exchange Server 2016 CU23"),
        (15332, 16213, "Exchange Server 2016 CU7 to CU10"),
        (15312, 16130, "Exchange Server 2013 CU10 to CU21"),
        (14622, 11222, "Exchange Server 2007 SP2"),
        (14622, 12640, "Exchange Server 2010 RTM"),
        (6870, 6903, "Exchange Server 2003 RTM to SP2"),
    ],
)
def test_schema_and_organization_together_name_the_release(schema: int, organization: int, names: str) -> None:
    both = set(_TABLE.with_schema(schema)) & set(_TABLE.with_organization(organization))
    assert spans(both) == names


def test_rangeupper_alone_is_not_ordered_by_product() -> None:
    assert spans(_TABLE.with_schema(14622)) == "Exchange Server 2007 SP2 or Exchange Server 2010 RTM"


def test_the_update_of_may_2022_raises_the_domain_number() -> None:
    assert "Exchange Server 2016 CU22" in [r.name for r in _TABLE.with_domain(13243)]
    assert "Exchange Server 2013 CU23" in [r.name for r in _TABLE.with_domain(13238)]


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (Build(15, 2, 2562, 17), "Exchange Server SE RTM"),
        (Build(15, 2, 2562, 29), "Exchange Server SE RTM"),
        (Build(15, 2, 1748, 10), "Exchange Server 2019 CU15"),
        (Build(15, 2, 1748, 39), "Exchange Server 2019 CU15"),
        (Build(15, 2, 1118, 7), "Exchange Server 2019 CU12"),
        (Build(15, 1, 2507, 6), "Exchange Server 2016 CU23"),
        (Build(15, 0, 1497, 48), "Exchange Server 2013 CU23"),
        (Build(14, 3, 123, 4), "Exchange Server 2010 SP3"),
        (Build(8, 3, 83, 6), "Exchange Server 2007 SP3"),
        (Build(6, 5, 7638, 2), "Exchange Server 2003 RTM to SP2"),
        (Build(6, 0, 4417, 5), "Exchange Server 2000 RTM"),
        (Build(15, 2, 2563, 0), None),
        (Build(15, 3, 1, 0), None),
        (Build(16, 0, 0, 0), None),
        (Build(15, 1, 1, 0), None),
        (Build(7, 0, 0, 0), None),
    ],
)
def test_builds(build: Build, name: str | None) -> None:
    release = _TABLE.of_build(build)
    assert (release.name if release else None) == name
    assert _TABLE.is_newer(build) == (build[:3] > (15, 2, 2562))


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("Version 15.2 (Build 32562.17)", "15.2.2562.17"),
        ("Version 15.2 (Build 31118.007)", "15.2.1118.7"),
        ("Version 8.3 (Build 30083.6)", "8.3.83.6"),
        ("Version 6.5 (Build 7638.2: Service Pack 2)", "6.5.7638.2"),
        ("", None),
        ("Version fifteen", None),
        ("Version ١٥.2 (Build 32562.17)", None),
    ],
)
def test_serial_numbers(text: str, build: str | None) -> None:
    found = build_of_serial(text)
    assert (str(found) if found else None) == build


@pytest.mark.parametrize(("value", "build"), [(0x738180DA, "14.1.218.0"), (0, None), (-1, None), (0x63C28A02, None)])
def test_version_numbers(value: int, build: str | None) -> None:
    found = build_of_version_number(value)
    assert (str(found) if found else None) == build


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (54, ("Mailbox", "Client Access", "Unified Messaging", "Hub Transport")),
        (16439, ("Mailbox", "Client Access", "Unified Messaging", "Hub Transport")),
        (64, ("Edge Transport",)),
        (16384, ()),
    ],
)
def test_roles(value: int, names: tuple[str, ...]) -> None:
    assert role_names(value) == names


def test_spans_of_nothing_and_of_gaps() -> None:
    assert spans(()) == ""
    chosen = [r for r in _TABLE.releases if r.product.endswith("2019") and r.release in {"CU1", "CU2", "CU4"}]
    assert spans(chosen) == "Exchange Server 2019 CU1 to CU2 or Exchange Server 2019 CU4"
