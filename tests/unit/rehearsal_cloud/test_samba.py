"""A rehearsal with Samba: what is refused before anything starts, what Samba is given, connections passed on."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from rehearsal.contoso import names
from rehearsal.contoso.forest import add_engine_accounts
from rehearsal.directory import DirectoryStore
from rehearsal.samba import controller, outside
from rehearsal.samba.content import content_ldif
from rehearsal.samba.ldap_tools import LdapTools
from rehearsal.samba.relay import Passed, relay
from runbook_lib.errors import UsageError
from tests.unit.rehearsal_cloud.test_contoso import build
from tests.unit.rehearsal_cloud.test_process import error_of, gwb


@pytest.mark.parametrize(
    ("system", "found", "user", "unshare", "said"),
    [
        ("Darwin", True, 0, 0, "it needs Linux"),
        ("Linux", False, 0, 0, "not installed: samba, samba-tool, ldapsearch, ldapmodify, ip, unshare, mount"),
        ("Linux", True, 1000, 0, "it needs root"),
        ("Linux", True, 0, 1, "no network namespace: Operation not permitted"),
    ],
)
def test_what_is_lacking_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, system: str, found: bool, user: int, unshare: int, said: str
) -> None:
    monkeypatch.setattr("rehearsal.samba.outside.platform.system", lambda: system)
    monkeypatch.setattr("rehearsal.samba.outside.shutil.which", lambda name: name if found else None)
    monkeypatch.setattr("rehearsal.samba.outside.os.geteuid", lambda: user, raising=False)
    tried = SimpleNamespace(returncode=unshare, stderr="Operation not permitted\n")
    monkeypatch.setattr("rehearsal.samba.outside.subprocess.run", lambda *_, **__: tried)
    with pytest.raises(UsageError) as caught:
        outside.require_samba()
    assert caught.value.code == "rehearsal-samba"
    assert caught.value.message == f"Samba cannot take the directory's place: {said}."
    assert caught.value.hint


def test_a_machine_with_everything_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.samba.outside.platform.system", lambda: "Linux")
    monkeypatch.setattr("rehearsal.samba.outside.shutil.which", lambda name: name)
    monkeypatch.setattr("rehearsal.samba.outside.os.geteuid", lambda: 0, raising=False)
    monkeypatch.setattr("rehearsal.samba.outside.subprocess.run", lambda *_, **__: SimpleNamespace(returncode=0))
    outside.require_samba()


@pytest.mark.parametrize(
    "option",
    [
        ("--domains", "2"),
        ("--recycle-bin", "on"),
        ("--mailflow", "broken"),
        ("--groups", "500"),
        ("--exchange", "mixed"),
    ],
)
def test_what_samba_cannot_be_is_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    error = error_of(gwb("start", "--free-ports", "--directory", "samba", *option, folder=tmp_path))
    assert error.code == "rehearsal-samba-options"
    assert option[0] in error.message
    assert not (tmp_path / "default").exists()


@pytest.fixture(scope="module")
def contoso() -> DirectoryStore:
    store = build(exchange=True)[0]
    add_engine_accounts(store, "agent's")
    return store


def records(text: str) -> list[dict[str, list[str]]]:
    """Change records, base64 undone."""
    found: list[dict[str, list[str]]] = []
    for block in text.split("\n\n"):
        one: dict[str, list[str]] = {}
        for line in block.strip().splitlines():
            match = re.fullmatch(r"([^:]+)(::?) (.*)", line)
            assert match, line
            value = base64.b64decode(match[3]).decode("utf-8", "replace") if match[2] == "::" else match[3]
            one.setdefault(match[1], []).append(value)
        found.append(one)
    return found


def test_samba_is_given_contoso_in_an_order_that_it_can_take(contoso: DirectoryStore) -> None:
    there = {names.BASE_DN, f"CN=Users,{names.BASE_DN}"}
    accounts: list[str] = []
    for one in records(content_ldif(contoso, "pass word", "agent's")):
        (dn,) = one["dn"]
        if one["changetype"] == ["modify"]:
            assert dn in there
            assert set(one["member"]) <= there
            continue
        parent = contoso.tree.dn(contoso.node(dn).parent or b"")
        assert parent in there
        assert not {"objectGUID", "objectSid", "whenCreated", "cn", "nTSecurityDescriptor"} & set(one)
        there.add(dn)
        accounts += one.get("sAMAccountName", [])
    assert len(accounts) == len({name.casefold() for name in accounts}) > 2000
    assert {"svc-gwb", "GG-HR-Write", "aaliyah.abbott"} <= set(accounts)
    assert "svc-locked-out" not in accounts


def test_only_the_accounts_of_runbook_and_engines_have_a_password(contoso: DirectoryStore) -> None:
    text = content_ldif(contoso, "pass word", "agent's")
    assert text.count("unicodePwd::") == 3
    for password in ("pass word", "agent's"):
        assert base64.b64encode(f'"{password}"'.encode("utf-16-le")).decode() in text
    for one in records(text):
        needed = int(one.get("userAccountControl", ["32"])[0]) & 0x20 == 0
        assert needed == (one["dn"][0] in (names.BIND_DN, names.AGENT_DN, names.CONNECTOR_DN))


@pytest.mark.skipif(os.name != "posix", reason="a shell script in the place of Samba")
def test_all_of_the_controllers_processes_are_gone_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samba's first process ends before the others, which still remove their files below the tree."""
    program = tmp_path / "bin" / "samba"
    program.parent.mkdir()
    child = "trap '' TERM; : > $0.ready; sleep 0.7; : > $0.ended"
    program.write_text(f"#!/bin/sh\n({child}) &\ntrap 'exit 0' TERM\nwhile :; do sleep 0.05; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    class Tools:
        def search(self, *_: str, **__: str) -> None:
            if not Path(f"{program}.ready").exists():
                raise RuntimeError("not yet")

    (tmp_path / "tree").mkdir()
    with controller.running_controller(tmp_path / "tree", cast("LdapTools", Tools())):
        assert not Path(f"{program}.ended").exists()
    assert Path(f"{program}.ended").exists()


def served(work: Awaitable[None]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(work, 20)

    asyncio.run(limited())


def test_connections_are_passed_on_and_counted() -> None:
    async def talk() -> None:
        passed = Passed()

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(1000):
                writer.write(data.upper())
                await writer.drain()
            writer.close()

        async with await asyncio.start_server(echo, "127.0.0.1", 0) as far:
            port = far.sockets[0].getsockname()[1]

            async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await relay(reader, writer, lambda: asyncio.open_connection("127.0.0.1", port), passed)

            async with await asyncio.start_server(taken, "127.0.0.1", 0) as near:
                reader, writer = await asyncio.open_connection("127.0.0.1", near.sockets[0].getsockname()[1])
                writer.write(b"a" * 300_000)
                assert await reader.readexactly(300_000) == b"A" * 300_000
                assert passed.open_connections == 1
                writer.close()
                while passed.open_connections:
                    await asyncio.sleep(0.01)
        assert (passed.connections, passed.bytes_in, passed.bytes_out) == (1, 300_000, 300_000)

    served(talk())


def test_nobody_behind_it_closes_the_connection() -> None:
    async def talk() -> None:
        async def nobody() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            raise ConnectionRefusedError

        async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await relay(reader, writer, nobody)

        async with await asyncio.start_server(taken, "127.0.0.1", 0) as near:
            reader, writer = await asyncio.open_connection("127.0.0.1", near.sockets[0].getsockname()[1])
            assert await reader.read() == b""
            writer.close()

    served(talk())
