"""A Samba AD DC of a rehearsal, seen from the rehearsal's process: started, filled, reached through ports of one's own.

Samba's ports are fixed by the protocol. It runs in a network namespace of its own, and a Unix socket leads into it, so
nothing of this machine's ports is taken but those that the rehearsal chose, and several can run side by side.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import rehearsal
from rehearsal.certificates import Certificates
from rehearsal.contoso.directory import DirectoryIdentity, DirectoryIndex
from rehearsal.contoso.exchange import state_of
from rehearsal.directory import DirectoryStore
from rehearsal.folder import HOST, Passwords, RehearsalFolder
from rehearsal.leftovers import SOCKETS, how_it_ended, last_lines, remove_sockets
from rehearsal.samba.content import content_ldif, exchange_ldif
from rehearsal.samba.controller import NAMESPACE, PACKAGES, PROGRAMS
from rehearsal.samba.relay import Passed, relay
from runbook_lib.directory.search import guid_text, sid_text
from runbook_lib.errors import ServiceFailed, UsageError
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable

FILL_SECONDS = 240
COMMAND = (*NAMESPACE, sys.executable, "-m", "rehearsal.samba.inside")
"""What is started: the process inside namespaces of its own, which end with it."""


def require_samba() -> None:
    """Say what this machine lacks.

    Raises:
        UsageError: Not Linux, no root, packages missing, or namespaces not allowed.
    """
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if platform.system() != "Linux":
        raise _lacking("it needs Linux", t("Use the embedded directory: leave --directory out."))
    if missing:
        packages = f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"
        raise _lacking(
            f"not installed: {', '.join(missing)}", t("On Debian and Ubuntu, as root: {packages}", packages=packages)
        )
    if os.geteuid() != 0:
        raise _lacking("it needs root", t("Run it with sudo, or leave --directory out."))
    tried = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise _lacking(f"no network namespace: {tried.stderr.strip()}", t("A container has to be a privileged one."))


def _lacking(what: str, hint: Text) -> UsageError:
    return UsageError(
        t("Samba cannot take the directory's place: {what}.", what=what), code="rehearsal-samba", hint=hint
    )


class SambaDirectory:
    """One controller. ``fill`` starts it, ``listen`` opens the rehearsal's ports, ``stop`` ends everything."""

    def __init__(self, certificates: Certificates, passwords: Passwords, exchange: str, files: RehearsalFolder) -> None:
        self._certificates, self._passwords, self._exchange = certificates, passwords, exchange
        self._files, self._log = files, files.log
        # A socket's path has at most 107 characters; a rehearsal's folder may be deep.
        self._sockets = Path(tempfile.mkdtemp(prefix=SOCKETS))
        self._process: subprocess.Popen[str] | None = None
        self._servers: list[asyncio.Server] = []
        self._passed = Passed()

    def fill(self, store: DirectoryStore, index: DirectoryIndex) -> DirectoryIndex:
        """Start it with what ``store`` holds of Contoso; returns ``index`` with the identities that Samba gave.

        Raises:
            ServiceFailed: It does not start, or refuses the content.
        """
        state = state_of(self._exchange)
        has_exchange = state.organization is not None and state.domain is not None
        told = {
            "administrator_password": self._passwords.administrator,
            "ca_pem": self._certificates.ca_pem.decode(),
            "server_pem": self._certificates.server_pem.decode(),
            "content": content_ldif(store, self._passwords.bind, self._passwords.agent),
            "exchange": exchange_ldif(state.organization or 0, state.domain or 0) if has_exchange else "",
            "ldaps_socket": str(self._sockets / "ldaps"),
            "ldap_socket": str(self._sockets / "ldap"),
        }
        identities = self._started(told)
        found = DirectoryIndex()
        for mine, theirs in ((index.people, found.people), (index.groups, found.groups)):
            for key, identity in mine.items():
                account = store.node(identity.dn).text("sAMAccountName")
                dn, guid, sid = identities[account]
                theirs[key] = DirectoryIdentity(guid_text(bytes.fromhex(guid)), sid_text(bytes.fromhex(sid)), dn)
        return found

    def _started(self, told: Mapping[str, str]) -> dict[str, list[str]]:
        home = str(Path(rehearsal.__file__).parents[1])
        with self._log.open("ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([home, os.environ.get("PYTHONPATH", "")])},
            )
        process = self._process
        self._files.samba.write_text(f"{process.pid} {self._sockets}\n", encoding="utf-8")
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:  # both are pipes, as asked for
            raise _failed("no pipes", self._log)
        with contextlib.suppress(OSError):  # it has ended already: reading says so
            stdin.write(json.dumps(told) + "\n")
            stdin.flush()
        answer = _answer(process, stdout, self._log, begin)
        if "identities" not in answer:
            self.end()
            raise _failed(str(answer["error"]), self._log)
        identities: dict[str, list[str]] = answer["identities"]
        return identities

    async def listen(self, port: int) -> tuple[int, dict[str, str]]:
        """Open LDAPS on ``port`` (0 for a free one) and LDAP on a free one.

        Returns:
            The number of LDAPS, and the other address by what it is.

        Raises:
            OSError: ``port`` is taken.
        """
        ldaps = await self._open(port, "ldaps")
        return ldaps, {"ldap": f"ldap://{HOST}:{await self._open(0, 'ldap')}"}

    async def _open(self, port: int, name: str) -> int:
        async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            path = str(self._sockets / name)
            await relay(reader, writer, lambda: asyncio.open_unix_connection(path), self._passed)

        server = await asyncio.start_server(taken, "127.0.0.1", port)
        self._servers.append(server)
        number: int = server.sockets[0].getsockname()[1]
        return number

    async def stop(self) -> None:
        """Stop listening, and end Samba."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """End Samba and everything that belongs to it; nothing happens if it already has."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()  # unshare takes the whole process namespace with it
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        remove_sockets(self._sockets)
        self._files.samba.unlink(missing_ok=True)

    def counters(self) -> Mapping[str, object]:
        """For ``gwb rehearsal status --json``: what went through; what was asked stays between client and Samba."""
        return asdict(self._passed)


def _answer(process: subprocess.Popen[str], stream: IO[str], log: Path, begin: int) -> dict[str, Any]:
    """Its line of JSON; where none comes, ``error`` says whether it ended or still works, and what it printed last."""
    ready, _, _ = select.select([stream], [], [], FILL_SECONDS)
    text = stream.readline() if ready else ""
    if text.endswith("\n"):
        try:
            answer: dict[str, Any] = json.loads(text)
        except ValueError:
            return {"error": f"what it said is not an answer: {text.strip()}"}
        return answer
    if ready:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        what = f"it ended ({how_it_ended(process.returncode)})"
    else:
        what = f"it did not answer within {FILL_SECONDS} s"
    said = last_lines(log, begin)
    return {"error": f"{what}: {said}" if said else f"{what} and printed nothing"}


def _failed(why: str, log: Path) -> ServiceFailed:
    told = t("Samba did not start: {split}", split=printable(" ".join(why.split())))
    return ServiceFailed(told, code="rehearsal-samba", hint=t("Look at {log}.", log=log))
