"""Domain preparation of the forest's other domains: reached, not reached, somebody else there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rehearsal.certificates import server_context
from rehearsal.directory import DirectoryServer
from rehearsal.directory.domains import View
from rehearsal.directory.forest import add_domain
from runbook_lib.directory.other_domain import other_domain_reader
from runbook_lib.exchange.read import DomainReading, ExchangeReading, read_exchange
from runbook_lib.runner.cli import cli
from tests.unit.directory.embedded import BASE, PASSWORD, WRITER, Embedded, clock, running

CHILD = f"DC=emea,{BASE}"
_CROSS_REF = f"CN=EMEA,CN=Partitions,CN=Configuration,{BASE}"
_SYSTEM_OBJECTS = f"CN=Microsoft Exchange System Objects,{CHILD}"
_SERVER = f"CN=EMEA-DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{BASE}"
OWN = DomainReading("contoso.com", None)


@dataclass
class Forest:
    """contoso.com and its child, whose only controller listens on ``child_port``; both names of it lead to loopback."""

    embedded: Embedded
    child_port: int

    def read(self, *, password: str = PASSWORD, **changed: object) -> ExchangeReading:
        """Exchange as read from the first domain's controller, the child asked at ``child_port``."""
        told = self.embedded.parameters(**({"dc_port": self.child_port} | changed))
        environment = {"GWB_BIND_PASSWORD": password}
        with self.embedded.open() as directory:
            return read_exchange(directory, other_domain_reader(told, environment=environment, clock=clock))

    def reason(self, **changed: Any) -> str:
        """Why the child is unreadable; nothing else may be."""
        reading = self.read(**changed)
        (unreadable,) = reading.unreadable
        assert (unreadable.part, reading.domains) == (f"domain:{CHILD}", (OWN,))
        assert reading.other_domains == (CHILD,)
        return unreadable.clause


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forest]:
    folder: Path = tmp_path_factory.mktemp("forest")
    with running(folder) as embedded:
        store = embedded.store
        store.extend_schema_for_exchange(17003)
        add_domain(store, "emea", "EMEA", host="emea-dc1")
        store.modify(_CROSS_REF, {"dnsRoot": ["localhost"]})
        store.modify(_SERVER, {"dNSHostName": "localhost"})
        server = DirectoryServer(
            embedded.server.service, server_context(folder / "server.pem"), view=View(store.controllers[1])
        )
        asyncio.run_coroutine_threadsafe(server.start(), embedded.loop).result(10)
        try:
            yield Forest(embedded, server.port)
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), embedded.loop).result(10)


@pytest.fixture
def forest(served: Forest) -> Iterator[Forest]:
    before = served.embedded.store.snapshot()
    yield served
    served.embedded.store.restore(before)


def prepare(forest: Forest, **values: str) -> None:
    forest.embedded.store.add(_SYSTEM_OBJECTS, {"objectClass": "msExchSystemObjectsContainer", **values})


def test_a_prepared_and_an_unprepared_domain(forest: Forest) -> None:
    assert forest.read().domains == (OWN, DomainReading("localhost", None))
    prepare(forest, objectVersion="13240")
    reading = forest.read()
    assert reading.domains == (OWN, DomainReading("localhost", 13240))
    assert (reading.unreadable, reading.other_domains) == ((), (CHILD,))
    traffic, end = forest.embedded.server.service.traffic, time.monotonic() + 5
    while traffic.open_connections and time.monotonic() < end:  # the server notices a goodbye a moment later
        time.sleep(0.01)
    assert traffic.open_connections == 0


def test_a_controller_by_its_own_name_where_the_domain_s_does_not_answer(forest: Forest) -> None:
    prepare(forest, objectVersion="13240")
    forest.embedded.store.modify(_CROSS_REF, {"dnsRoot": ["emea.invalid"]})
    assert forest.read().domains == (OWN, DomainReading("emea.invalid", 13240))


def test_nobody_answers(forest: Forest) -> None:
    assert "No connection to localhost:1:" in forest.reason(dc_port=1)


def test_a_certificate_that_is_not_trusted(forest: Forest) -> None:
    assert "not trusted" in forest.reason(dc_ca_file="")


def test_a_refused_sign_in_is_asked_once(forest: Forest) -> None:
    before = forest.embedded.server.service.traffic.operations["bind"]
    assert "wrong user name or password" in forest.reason(password="wrong")
    assert forest.embedded.server.service.traffic.operations["bind"] == before + 2, "this run's own, and one"


def test_another_domain_answers(forest: Forest) -> None:
    why = forest.reason(dc_port=forest.embedded.port)
    assert f"localhost answers for {BASE}, not for {CHILD}" in why


def test_rights_that_are_missing_there(forest: Forest) -> None:
    prepare(forest)
    assert "no objectVersion" in forest.reason()
    forest.embedded.store.deny_read(WRITER, CHILD)
    assert "cannot read" in forest.reason()


def test_the_pre_flight_asks_the_other_domains(forest: Forest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One port for both names, so the first domain's controller answers for the child: said, and the run goes on."""
    told = forest.embedded.parameters()
    names = ("dc_host", "dc_port", "dc_ca_file", "dc_timeout", "bind_user")
    file = tmp_path / "p.yaml"
    file.write_text("".join(f"{name}: {json.dumps(getattr(told, name))}\n" for name in names), encoding="utf-8")
    monkeypatch.setenv("GWB_BIND_PASSWORD", PASSWORD)
    answer = json.loads(CliRunner().invoke(cli, ["check", str(file), "--json"]).stdout)
    seen = {finding["id"]: finding["seen"] for finding in answer["findings"]}
    assert f"answers for {BASE}" in seen[f"exchange-unreadable:domain:{CHILD}"]
    assert CHILD in seen["mail-forest-not-searched"]
