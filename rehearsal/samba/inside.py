"""The process inside the namespaces: ``python -m rehearsal.samba.inside``, started by ``outside``.

Reads one line of JSON from standard input, sets up the domain, answers with one line of JSON (``identities`` or
``error``), then passes connections from Unix sockets on to Samba's ports until standard input ends. Where that ends
before the answer, whoever started this has gone: it ends at once, and as the first process of its namespace it takes
everything in it along.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from rehearsal.certificates import Certificates, make_certificates, write_private
from rehearsal.contoso import names
from rehearsal.samba import controller, schema
from rehearsal.samba.ldap_tools import LdapTools
from rehearsal.samba.relay import relay

TREE = controller.STATE / "rehearsal"
_EXCHANGE = f"CN=Microsoft Exchange,CN=Services,CN=Configuration,{names.BASE_DN}"


def main() -> int:
    """Serve until standard input ends."""
    told = json.loads(sys.stdin.readline())
    sockets = Path(told["ldaps_socket"]).parent
    ended, answered = threading.Event(), False
    threading.Thread(target=_watch, args=(ended, lambda: answered, sockets), daemon=True, name="owner watch").start()
    try:
        controller.prepare_namespaces()
        controller.provision(TREE, names.DOMAIN, names.NETBIOS, told["administrator_password"], _certificates(told))
        password = TREE / "administrator-password.txt"
        write_private(password, told["administrator_password"].encode())
        tools = LdapTools(636, TREE / "ca.pem", names.ADMINISTRATOR, password)
        with controller.running_controller(TREE, tools):
            answer = {"identities": _fill(tools, told)}
            answered = True
            _send(answer)
            asyncio.run(_serve({636: told["ldaps_socket"], 389: told["ldap_socket"]}, ended))
    except (RuntimeError, OSError) as error:
        if answered:
            raise
        _send({"error": str(error)})
        return 1
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
    return 0


def _watch(ended: threading.Event, is_answered: Callable[[], bool], sockets: Path) -> None:
    """Wait for the end of standard input: the owner holds its other end, and even SIGKILL closes that."""
    with contextlib.suppress(OSError, ValueError):
        while sys.stdin.read(1024):
            pass
    ended.set()
    if not is_answered():
        # Provisioning waits for programs; nobody waits for it any more.
        shutil.rmtree(sockets, ignore_errors=True)
        os._exit(1)


def _send(answer: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _certificates(told: Mapping[str, str]) -> Certificates:
    """The rehearsal's own, so that its CA file holds for both servers; the client's is not needed here."""
    unused = make_certificates(datetime.now(UTC))
    ca, server = told["ca_pem"].encode(), told["server_pem"].encode()
    return Certificates(ca, server, unused.client_pem, unused.client)


def _fill(tools: LdapTools, told: Mapping[str, str]) -> dict[str, list[str]]:
    """Schema, content and rights; returns DN, objectGUID and objectSid (hexadecimal) by sAMAccountName."""
    tools.modify(schema.schema_ldif(f"CN=Schema,CN=Configuration,{names.BASE_DN}"))
    tools.modify(told["content"])
    if told["exchange"]:
        tools.modify(told["exchange"])
        # Exchange's setup lets every account read its configuration; the class's own default hides it.
        controller.set_rights(TREE, _EXCHANGE, "(A;CI;LCRPLORC;;;AU)")
    account = names.BIND_USER.partition("@")[0]
    controller.let_write_groups(TREE, account, names.TARGET_OU, names.RETIRED_OU)
    controller.let_write_groups(TREE, names.AGENT_USER.partition("@")[0], names.BASE_DN)
    controller.let_write_groups(TREE, names.CONNECTOR_USER.partition("@")[0], names.CONNECT_OU)
    attributes = ("sAMAccountName", "objectGUID", "objectSid")
    found = tools.search(names.BASE_DN, "(sAMAccountName=*)", *attributes, paged=True)
    return {
        entry.text("sAMAccountName") or "": [
            entry.dn,
            entry.attributes["objectGUID"][0].hex(),
            entry.attributes["objectSid"][0].hex(),
        ]
        for entry in found
    }


async def _serve(sockets: Mapping[int, str], ended: threading.Event) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for port, path in sockets.items():

            async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = port) -> None:
                await relay(reader, writer, lambda: asyncio.open_connection("127.0.0.1", port))

            await stack.enter_async_context(await asyncio.start_unix_server(taken, path))
            Path(path).chmod(0o600)
        await asyncio.to_thread(ended.wait)


if __name__ == "__main__":
    sys.exit(main())
