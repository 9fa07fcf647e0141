"""A domain of three controllers and a child domain: StartTLS, the read-only one, the second one, faults, referrals."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rehearsal.certificates import server_context
from rehearsal.directory import DirectoryServer
from rehearsal.directory.domains import View
from rehearsal.directory.forest import add_controller, add_domain
from rehearsal.directory.service import DirectoryFault
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import present
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.errors import NoAccess, Refused, RunbookError, ServiceFailed, WriteUnanswered
from runbook_lib.model.directory import AttributeDelta, ControllerIdentity
from tests.unit.directory.embedded import BASE, PASSWORD, RETIRED, TARGET, Embedded, clock, running


@dataclass
class Domain:
    """Ports of the controllers; ``second`` listens on 127.0.0.2 at the first one's port."""

    embedded: Embedded
    plain: int
    refusing: int
    read_only: int
    read_only_plain: int

    def open(self, *, only: ControllerIdentity | None = None, **changed: Any) -> Directory:
        """A connection as the writing account."""
        return open_directory(
            self.embedded.parameters(**changed),
            environment={"GWB_BIND_PASSWORD": PASSWORD},
            clock=clock,
            sleep=self.embedded.slept.append,
            only=only,
        )

    def refusal(self, **changed: Any) -> RunbookError:
        """How opening fails."""
        with pytest.raises(RunbookError) as caught:
            self.open(**changed)
        return caught.value


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    folder: Path = tmp_path_factory.mktemp("domain")
    with running(folder) as embedded:
        store = embedded.store
        add_controller(store, "dc2", store.domains[0], ahead=4_000)
        add_controller(store, "rodc1", store.domains[0], read_only=True, ahead=9_000)
        add_domain(store, "emea", "EMEA", host="emea-dc1")
        service, tls = embedded.server.service, server_context(folder / "server.pem")
        first, second, read_only = (View(controller) for controller in store.controllers[:3])
        servers = [
            DirectoryServer(service, view=first, start_tls=tls),
            DirectoryServer(service, view=first),
            DirectoryServer(service, tls, view=read_only),
            DirectoryServer(service, view=read_only, start_tls=tls),
            DirectoryServer(service, tls, host="127.0.0.2", port=embedded.port, view=second),
        ]

        def run(action: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(action, embedded.loop).result(10)

        started = []
        try:
            for server in servers:
                run(server.start())
                started.append(server)
            yield Domain(embedded, *(server.port for server in servers[:4]))
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            pytest.skip("this system has one loopback address")
        finally:
            for server in started:
                run(server.stop())


def test_start_tls(domain: Domain) -> None:
    with domain.open(dc_port=domain.plain, dc_security="starttls") as directory:
        assert directory.controller.port == domain.plain
        guid = domain.embedded.add_group("by StartTLS", description="x")
        directory.modify(guid, [AttributeDelta("description", ("x",), ("y",))])


def test_a_controller_without_a_certificate_refuses_start_tls(domain: Domain) -> None:
    error = domain.refusal(dc_port=domain.refusing, dc_security="starttls")
    assert (type(error), error.code) == (NoAccess, "start-tls-refused")


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
def test_a_read_only_controller(domain: Domain, security: str) -> None:
    port = domain.read_only if security == "ldaps" else domain.read_only_plain
    error = domain.refusal(dc_port=port, dc_security=security)
    assert (type(error), error.code) == (Refused, "read-only-dc")


def test_two_controllers_are_told_apart(domain: Domain) -> None:
    with domain.open(dc_host="127.0.0.99", dc_host_fallback="127.0.0.2") as directory:
        second = directory.controller
    with domain.open(dc_host="127.0.0.1", dc_host_fallback="127.0.0.2") as directory:
        first = directory.controller
    assert first.invocation_id != second.invocation_id
    assert first.ds_service_name != second.ds_service_name
    # The first writes went to the second one: the first is not asked although it is named first.
    with domain.open(only=second.identity, dc_host="127.0.0.1", dc_host_fallback="127.0.0.2") as directory:
        assert directory.controller.identity == second.identity
    moved = replace(second.identity, host="127.0.0.1")
    error = domain.refusal(only=moved, dc_host="127.0.0.1", dc_host_fallback="127.0.0.2")
    assert (type(error), error.code) == (ServiceFailed, "controller-changed")


@pytest.mark.parametrize("kind", ["busy", "unavailable", "cut"])
def test_a_first_controller_that_cannot_sign_in_now(domain: Domain, kind: str) -> None:
    domain.embedded.server.service.faults.arm(DirectoryFault(kind, operation="bind"))
    with domain.open(dc_host="127.0.0.1", dc_host_fallback="127.0.0.2") as directory:
        assert directory.controller.host == "127.0.0.2"


@pytest.mark.parametrize("kind", ["busy", "unavailable", "admin-limit", "cut"])
@pytest.mark.parametrize("skip", [0, 6, 9])
def test_a_snapshot_through_faults(domain: Domain, kind: str, skip: int) -> None:
    faults = domain.embedded.server.service.faults
    with domain.open() as directory:
        whole = read_directory(directory, TARGET, RETIRED, clock=clock)
        faults.arm(DirectoryFault(kind, operation="search", skip=skip, after=1 if kind == "cut" and skip else 0))
        again = read_directory(directory, TARGET, RETIRED, clock=clock)
        assert (again.groups, again.objects, again.reading.complete) == (whole.groups, whole.objects, True)
        assert directory.renewed == (kind == "cut")
    assert faults.waiting == 0


def test_a_write_that_is_cut_or_busy_is_unanswered(domain: Domain) -> None:
    faults, guid = domain.embedded.server.service.faults, domain.embedded.add_group("g", description="x")
    for fault, now in (
        (DirectoryFault("busy", operation="modify"), "x"),
        (DirectoryFault("cut", operation="modify"), "x"),
        (DirectoryFault("cut", operation="modify", after=1), "y"),
    ):
        faults.arm(fault)
        with domain.open() as directory:
            with pytest.raises(WriteUnanswered) as caught:
                directory.modify(guid, [AttributeDelta("description", ("x",), ("y",))])
            assert "timed out" not in caught.value.message
            entry = directory.read(guid, ("description",))
            assert entry is not None
            assert entry.text("description") == now


def test_other_domains_are_said_and_not_followed(domain: Domain) -> None:
    with domain.open() as directory:
        with pytest.raises(Refused) as caught:
            list(directory.search(f"DC=emea,{BASE}", present("cn"), ("cn",)))
        assert caught.value.code == "other-domain"
        assert "ldap://" in caught.value.message
        proof = read_directory(directory, TARGET, RETIRED, clock=clock).reading.proof
        (line,) = [line for line in proof if "not followed" in line]
        assert "emea" in line
