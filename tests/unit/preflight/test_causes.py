"""One finding for each reason for which parts could not be read, with the way to remove it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, cast

import pytest

from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.errors import NoAccess, RunbookError, UsageError
from runbook_lib.graph.connect import open_graph
from runbook_lib.model.finding import ASKED, Finding, Severity
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import t, verbatim
from runbook_lib.parameters.model import AcknowledgementParameter, Parameters
from runbook_lib.preflight.assess import Assessment, Check, NothingToCheck, assess, on
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.evidence import Evidence, causes
from runbook_lib.preflight.parts import EXCHANGE, PARTS, PLACE
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from runbook_lib.preflight.verdict import Verdict
from tests.support.azure_hosts import IDENTITY_VARIABLES
from tests.support.connect_evidence import evidence as evidence_of_connect
from tests.support.connect_evidence import written
from tests.unit.preflight.builders import AT, evidence, tenant

IDS = {"tenant_id": "3f0a1c9e-6f0d-4b52-9c3e-5a1d6c2b7e10", "client_id": "3f0a1c9e-6f0d-4b52-9c3e-5a1d6c2b7e11"}
GIVEN = {**IDS, "dc_host": "dc1.example", "bind_user": "a@b.example"}


def assessed(
    directory: Callable[[], NoReturn], graph: Callable[[], NoReturn], parameters: Parameters | None = None
) -> Assessment:
    told = parameters or Parameters.model_validate(GIVEN)
    return assess(read_evidence(told, Reach(directory=directory, graph=graph), clock=lambda: AT), CHECKS)


def raising(error: RunbookError) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


def unread(found: Assessment) -> list[Finding]:
    return [finding for finding in found.findings if finding.id.startswith("part-unreadable:")]


def really(parameters: Parameters) -> Assessment:
    """With the very ways that the product has, and an environment without any secret."""

    def directory() -> object:
        return open_directory(parameters, environment={}, clock=lambda: AT)

    def graph() -> object:
        return open_graph(parameters, environment={}, clock=lambda: AT, sleep=lambda _: None)

    return assessed(directory, graph, parameters)  # type: ignore[arg-type]


def test_an_identity_that_nothing_gives_here_is_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://{address}")
    found = really(Parameters.model_validate({**GIVEN, "sign_in": "managed-identity", "client_id": ""}))
    (of_graph,) = [finding for finding in unread(found) if "GWB_BIND_PASSWORD" not in finding.to_do]
    assert of_graph.severity is Severity.UNKNOWN
    assert "No managed identity here" in of_graph.seen
    assert address in of_graph.seen
    assert "sign_in" in of_graph.to_do


@pytest.mark.parametrize(
    ("given", "directory_ways", "graph_ways"),
    [
        (
            {},
            ("GWB_BIND_PASSWORD", "bind_password_file", "bind_method kerberos"),
            ("certificate_file", "GWB_CLIENT_SECRET", "sign_in device-code"),
        ),
        (
            {"sign_in": "secret"},
            ("GWB_BIND_PASSWORD", "bind_password_file", "bind_method kerberos"),
            ("GWB_CLIENT_SECRET", "certificate_file", "sign_in device-code"),
        ),
    ],
)
def test_without_any_secret_there_are_two_findings_with_every_way_to_give_one(
    given: dict[str, str], directory_ways: tuple[str, ...], graph_ways: tuple[str, ...], tmp_path: Path
) -> None:
    # Evidence of a Connect server is a file: it is read, and then waits for the tenant that it has to be of.
    collected = written(tmp_path, evidence_of_connect(collected=iso_seconds(AT)))
    found = really(Parameters.model_validate({**GIVEN, **given, "connect_evidence": str(collected)}))
    of_directory, of_graph = unread(found)
    assert [f.id for f in found.findings if f.severity is not Severity.INFO] == [of_directory.id, of_graph.id]
    titles = {part.key: part.title for part in PARTS}
    assert all(way in of_directory.to_do for way in directory_ways), of_directory.to_do
    assert all(way in of_graph.to_do for way in graph_ways), of_graph.to_do
    for finding in (of_directory, of_graph):
        parts = finding.values["parts"]
        assert isinstance(parts, list)
        assert all(titles[part] in finding.why for part in parts)
        assert finding.why.startswith("Not checked because of it: ")
    together = [*of_directory.values["parts"], *of_graph.values["parts"]]  # type: ignore[misc]
    assert sorted(together) == sorted(part.key for part in PARTS if part.inside is None), "each part has one reason"


@pytest.mark.parametrize(
    "error",
    [
        NoAccess(t("No connection to dc1:636: refused."), code="dc-unreachable", hint=t("Check dc_host.")),
        NoAccess(
            t("The certificate of dc1 is not trusted: self-signed."), code="dc-certificate", hint=t("Name the CA.")
        ),
        NoAccess(t("The domain controller refused to sign in: password."), code="bind-refused", hint=t("Check it.")),
        NoAccess(
            t("Sign-in was refused (AADSTS7000222): expired."), code="sign-in-refused", hint=t("Create a new secret.")
        ),
        NoAccess(t("The token belongs to tenant x."), code="tenant-mismatch", hint=t("Check tenant_id.")),
        UsageError(t("The parameter dc_host is empty."), code="parameter-missing", hint=t("Set dc_host.")),
    ],
    ids=lambda error: error.code,
)
def test_every_reason_of_a_whole_side_is_one_finding_with_its_own_hint(error: RunbookError) -> None:
    other = NoAccess(t("The other side."), code="other", hint=t("Other."))
    for directory, graph in ((error, other), (other, error)):
        found = assessed(raising(directory), raising(graph))
        mine = [finding for finding in unread(found) if error.message in finding.seen]
        assert len(unread(found)) == 2
        assert len(mine) == 1
        assert mine[0].to_do.startswith(error.hint)
        assert mine[0].values["code"] == error.code
        assert found.verdict(Route.DIRECT) is Verdict.UNKNOWN


@pytest.mark.parametrize("code", ["graph-unauthorized", "directory-unavailable", "graph-forbidden"])
def test_sentences_that_name_the_call_do_not_make_several_reasons_of_one(code: str) -> None:
    parts = {
        name: Unreadable(name, code, t("Refused for /{name}.", name=name), hint=t("Hint."))
        for name in ("exchange", "place", "dns")
    }
    (one,) = (cause for cause in causes(evidence(**parts)) if cause.parts[0].code == code)
    assert [part.part for part in one.parts] == ["exchange", "dns", "place"]
    finding = one.as_finding()
    assert all(f"/{name}." in finding.seen for name in parts)


def test_403_of_parts_and_of_a_whole_reading_is_one_reason() -> None:
    refused = Unreadable("part", "forbidden", t("A permission or a role is missing: /domains answers HTTP 403"))
    given = evidence(
        tenant=tenant(domains=refused, licences=refused),
        groups=Unreadable("groups", "graph-forbidden", t("Graph refuses /groups."), hint=t("Grant the permission.")),
    )
    (one,) = (cause for cause in causes(given) if cause.code == "forbidden")
    assert [part.part for part in one.parts] == ["tenant.licences", "tenant.domains", "groups"]
    assert "docs/permissions.md" in one.as_finding().to_do


def test_two_reasons_are_two_findings_and_a_check_of_both_names_both() -> None:
    given = evidence(
        exchange=Unreadable("exchange", "a", t("A."), hint=t("Do a.")),
        place=Unreadable("place", "b", t("B."), hint=t("Do b.")),
    )
    check = Check("c", t("C"), (EXCHANGE, PLACE), on(direct=Severity.BLOCKING), lambda _: iter(()))
    found = assess(given, [check])
    assert [f.id for f in found.findings] == ["part-unreadable:exchange", "part-unreadable:place"]
    (row,) = cast("list[dict[str, object]]", found.as_json()["checks"])
    assert row["not_checked_because_of"] == ["part-unreadable:exchange", "part-unreadable:place"]


def test_one_acknowledged_part_does_not_silence_the_reason() -> None:
    word = AcknowledgementParameter(finding="part-unreadable:exchange", by="R", reason="Looked", until="2027-01-01")
    told = Parameters.model_validate(GIVEN).model_copy(update={"acknowledge": [word]})
    found = assessed(raising(NoAccess(t("No way."), code="x")), raising(NoAccess(t("Nor there."), code="y")), told)
    severities = {finding.id: finding.severity for finding in unread(found)}
    assert severities["part-unreadable:exchange"] is Severity.INFO
    assert severities["part-unreadable:group_schema"] is Severity.UNKNOWN
    assert found.verdict(Route.DIRECT) is Verdict.UNKNOWN


def test_a_check_with_nothing_to_look_at_is_not_fine() -> None:
    check = Check(
        "c", t("C"), (), on(direct=Severity.BLOCKING), lambda _: iter([NothingToCheck(t("There is nothing."))])
    )
    (result,) = assess(evidence(), [check]).results
    assert (result.state, result.nothing) == ("nothing-to-check", "There is nothing.")


def three_routes(check_routes: list[str], judged: list[str] | None = None) -> Assessment:
    def check(name: str, severity: Severity, **routes: Severity) -> Check:
        return Check(
            name, verbatim(name), (), on(**routes), lambda _: iter([Finding(name, severity, t("{name}.", name=name))])
        )

    block = Severity.BLOCKING
    told = Parameters.model_validate({**GIVEN, "check_routes": check_routes})
    checks = [
        check("connect-alone", block, connect_sync=block),
        check("all", Severity.WARNING, direct=block, cloud_sync=block, connect_sync=block),
        check("hardly-direct", block, direct=Severity.INFO, connect_sync=block),
        check("information", Severity.INFO, direct=block),
        check("direct", Severity.UNKNOWN, direct=block),
    ]
    return assess(Evidence(AT, told, PARTS), checks, judged=judged)


@pytest.mark.parametrize(("check_routes", "judged"), [(["direct"], None), (["connect-sync"], ["direct"])])
def test_routes_that_nobody_asked_for_come_last_and_never_first_as_blocking(
    check_routes: list[str], judged: list[str] | None
) -> None:
    found = three_routes(check_routes, judged)
    assert found.verdicts[0].route is Route.DIRECT
    assert [(f.id, f.severity.value) for f in found.findings] == [
        ("direct", "unknown"),
        ("all", "warning"),
        ("information", "info"),
        ("connect-alone", "blocking"),
        ("hardly-direct", "blocking"),
    ]
    told = cast("list[dict[str, object]]", found.as_json()["findings"])
    assert [one["asked"] for one in told] == [True, True, True, False, False]


def test_the_route_that_was_asked_for_stands_first() -> None:
    found = three_routes(["connect-sync"])
    assert [one.route.value for one in found.verdicts] == ["connect-sync", "direct", "cloud-sync"]
    assert [f.id for f in found.findings][:3] == ["connect-alone", "hardly-direct", "all"]
    for noted in found.recorded:
        assert (noted.values.get(ASKED) is None) == found.is_asked(noted.id)
    told = [one.as_finding(asked=one.route in found.judged) for one in found.verdicts]
    assert [one.severity.value for one in told] == ["blocking", "info", "info"]
    assert "which was not asked for" in told[1].seen
