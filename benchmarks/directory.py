"""Times reading all groups of a large embedded directory: ``python -m benchmarks.directory [GROUPS USERS]``.

Over LDAPS, with ldap3; the server runs in a process of its own; ten members a group.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import ldap3

from rehearsal.certificates import make_certificates, server_context, utc_now, write_private
from rehearsal.directory import DirectoryServer, DirectoryStore
from rehearsal.directory.bulk import Given
from runbook_lib.directory.tls import VerifiedTls, client_context

GROUPS, USERS, MEMBERS = 10_000, 20_000, 10
RUNS = 3
BASE = "DC=contoso,DC=com"
ADMINISTRATOR = f"CN=Administrator,CN=Users,{BASE}"
STAFF, OU = f"OU=Staff,{BASE}", f"OU=Groups,{BASE}"
ATTRIBUTES = (
    "cn",
    "displayName",
    "sAMAccountName",
    "groupType",
    "adminDescription",
    "objectGUID",
    "objectSid",
    "member",
)


def objects(groups: int, users: int) -> Iterator[tuple[str, Given]]:
    """People, then groups whose members go round among them."""
    for ou in (STAFF, OU):
        yield ou, {"objectClass": ["organizationalUnit"]}
    for number in range(users):
        name, account = f"User Number {number}", f"user{number}"
        mail = f"{account}@contoso.com"
        yield (
            f"CN={name},{STAFF}",
            {"objectClass": ["user"], "sAMAccountName": account, "userPrincipalName": mail, "displayName": name},
        )
    people = itertools.cycle(range(users))
    for number in range(groups):
        name = f"Group Number {number}"
        members = [f"CN=User Number {next(people)},{STAFF}" for _ in range(MEMBERS)] if users else []
        kind = {"objectClass": ["group"], "groupType": "8", "adminDescription": f"Group_{number:08}"}
        yield f"CN={name},{OU}", {**kind, "sAMAccountName": f"group{number}", "displayName": name, "member": members}


async def serve(folder: Path, groups: int, users: int) -> None:
    """Load, listen, and at the end of standard input say what it took."""
    begun = time.process_time()
    store = DirectoryStore("contoso.com", "CONTOSO", clock=utc_now)
    store.load(objects(groups, users))
    store.set_password(ADMINISTRATOR, (folder / "password").read_text(encoding="ascii"))
    loaded = time.process_time() - begun
    server = DirectoryServer(store, server_context(folder / "server.pem"))
    print(json.dumps({"port": await server.start(), "load": loaded}), flush=True)
    begun = time.process_time()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()
    print(json.dumps({"served": time.process_time() - begun, **server.service.traffic.shown()}), flush=True)


def read(port: int, folder: Path) -> tuple[int, int]:
    """Groups and members that ldap3 finds by pages of a thousand."""
    tls = VerifiedTls(client_context(str(folder / "ca.pem")))
    server = ldap3.Server("localhost", port, use_ssl=True, tls=tls, get_info=ldap3.NONE)
    password = (folder / "password").read_text(encoding="ascii")
    connection = ldap3.Connection(
        server, ADMINISTRATOR, password, client_strategy=ldap3.SAFE_SYNC, auto_range=False, check_names=False
    )
    connection.bind()
    pages = connection.extend.standard.paged_search(OU, "(objectClass=group)", attributes=ATTRIBUTES, paged_size=1000)
    counts = [len(entry["raw_attributes"]["member"]) for entry in pages if entry["type"] == "searchResEntry"]
    connection.unbind()
    return len(counts), sum(counts)


def main(arguments: list[str]) -> int:
    """Run the benchmark, or with ``serve`` its server."""
    if arguments[:1] == ["serve"]:
        asyncio.run(serve(Path(arguments[1]), int(arguments[2]), int(arguments[3])))
        return 0
    groups, users = (int(arguments[0]), int(arguments[1])) if len(arguments) == 2 else (GROUPS, USERS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificates = make_certificates(utc_now())
        (folder / "ca.pem").write_bytes(certificates.ca_pem)
        write_private(folder / "server.pem", certificates.server_pem)
        write_private(folder / "password", secrets.token_hex(16).encode())
        command = [sys.executable, "-m", "benchmarks.directory", "serve", name, str(groups), str(users)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)) as process:
            started = json.loads(process.stdout.readline() if process.stdout else "")
            seconds, before = [], time.process_time()
            for _ in range(RUNS):
                begun = time.perf_counter()
                found = read(started["port"], folder)
                seconds.append(time.perf_counter() - begun)
            own = (time.process_time() - before) / RUNS
            ended = json.loads(process.communicate()[0])
    print(f"{found[0]} groups, {found[1]} members; loaded in {started['load']:.2f} s of processor time")
    served = ended["served"] / RUNS
    print(f"read in {min(seconds):.2f} s at best; processor time a run: server {served:.2f} s, ldap3 {own:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
