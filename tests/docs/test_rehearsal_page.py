"""docs/rehearsal.md against the rehearsal: accounts, app registrations, limits, counters."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime

import pytest

from rehearsal.certificates import make_client_certificate
from rehearsal.cloud.routes import Graph
from rehearsal.cloud.server import Patience
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud.throttling import SIZES
from rehearsal.contoso import size
from rehearsal.contoso.administrators import ADMINISTRATORS
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.crowd import LARGEST
from rehearsal.contoso.exchange import STATES, ExchangeState
from rehearsal.contoso.registrations import ADMINISTRATOR_CLIENT_ID, OPERATOR_CLIENT_ID, registrations
from rehearsal.directory.service import OPERATIONS
from rehearsal.process import RunningRehearsal
from runbook_lib.parameters.load import load_parameters
from tests.docs.markdown import ROOT, section, table_rows

PAGE = (ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8")


def tables(heading: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in table_rows(section(PAGE, heading))]


def test_accounts_and_registrations_are_those_of_the_rehearsal() -> None:
    rows = tables("## Sign-in")
    for one in ADMINISTRATORS:
        assert (one.user_principal_name, one.display_name, ", ".join(sorted(one.roles))) in rows
    certificate, _ = make_client_certificate("test", datetime.now(UTC))
    told = {row[:2] for row in rows}
    for application in registrations(certificate, "secret"):
        assert (application.display_name, application.client_id) in told


def test_what_is_practised_on_the_route_cloud_sync_are_notebooks_and_parameters_that_there_are() -> None:
    rows = [shlex.split(code) for code in re.findall(r"\| `((?:30|40|50)-.*)` \|$", PAGE, re.MULTILINE)]
    assert {words[0][:2] for words in rows} == {"30", "40", "50"}
    for notebook, *given in rows:
        assert (ROOT / "notebooks" / f"{notebook}.ipynb").is_file()
        assert given[::3] == ["-p"] * (len(given) // 3)
        told = dict(zip(given[1::3], given[2::3], strict=True))
        file = ROOT / "parameters" / "demo-cloud-sync.yaml"
        parameters = load_parameters([file], told, project_root=ROOT).parameters
        assert parameters.client_id in (OPERATOR_CLIENT_ID, ADMINISTRATOR_CLIENT_ID)
    (users,) = (group for group in every_group() if group.name == "VPN Users")
    (person,) = re.findall(r"--remove-member (\S+)`", PAGE)
    assert person in users.members


def test_limits_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    numbers = [f"{units:,}" for units in SIZES.values()]
    assert f"{numbers[0]}, {numbers[1]} or {numbers[2]} resource units" in text
    patience = Patience()
    assert f"headers {patience.idle} s, bodies {patience.body} s" in text
    assert f"more than {patience.connections} connections" in text


@pytest.mark.parametrize(
    "name", ["graph_requests", "resource_units", "graph_writes", "throttled", "sign_ins", "connections"]
)
def test_counters_exist(shared_rehearsal: RunningRehearsal, name: str) -> None:
    assert name in section(PAGE, "## Throttling, latency, cost").split()
    assert name in shared_rehearsal.control.status()


def test_counters_of_the_directory_exist(shared_rehearsal: RunningRehearsal) -> None:
    text = section(PAGE, "## Active Directory")
    shown = shared_rehearsal.control.status()["ldap"]
    assert isinstance(shown, dict)
    for name in ("connections", "open_connections", "operations", "refused", "entries", "bytes_in", "bytes_out"):
        assert name in text.split()
        assert name in shown
    assert f"operations by kind ({', '.join(OPERATIONS.values())})" in " ".join(text.split())
    assert list(shown["operations"]) == list(OPERATIONS.values())


def test_sizes_are_those_of_the_code() -> None:
    told = {row[0]: row[1:3] for row in tables("## Size")}
    assert told["--groups"] == (f"{size.LEAST_GROUPS:,}", f"{size.MOST_GROUPS:,}")
    assert told["--users"] == (f"{size.LEAST_USERS:,}", f"{size.MOST_USERS:,}")
    assert told["--memberships"] == (f"{size.LEAST_MEMBERSHIPS:,}", f"{size.MOST_MEMBERSHIPS:,}")
    assert f"the largest has {LARGEST:,}" in " ".join(PAGE.split())


def test_every_route_of_graph_stands_on_the_page() -> None:
    told: dict[str, set[str]] = {}
    for paths, methods in tables("## Microsoft Graph"):
        for path in paths.split():
            told.setdefault(path, set()).update(methods.split(", "))
    known: dict[str, set[str]] = {}
    for method, route in Graph(CloudStore(clock=lambda: datetime.now(UTC))).table():
        if "{cast}" not in route.template and not route.template.endswith("/$count"):
            known.setdefault(route.template, set()).add(method)
    assert told == known


def _row(state: ExchangeState) -> tuple[str, ...]:
    build = ".".join(map(str, state.build)) if state.build else None
    return tuple(str(value or "-") for value in (state.schema, state.organization, state.domain, build))


def test_states_of_exchange_are_those_of_the_rehearsal() -> None:
    told = {row[0].split()[0]: row[1:] for row in tables("## Exchange and mail")}
    assert told == {name: _row(state) for name, state in STATES.items()}
