"""The process of a rehearsal: ``python -m rehearsal.serve --folder DIR …``. Started by ``process``, rarely by hand."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import gc
import json
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from rehearsal.certificates import make_certificates, server_context, utc_now, write_private
from rehearsal.cloud.machine_identity import MachineIdentity
from rehearsal.contoso.registrations import ASSIGNED_CLIENT_ID, CLUSTER, MACHINE_CLIENT_ID
from rehearsal.folder import HOST, RehearsalFolder, new_passwords
from rehearsal.leftovers import take_away
from rehearsal.options import StartOptions, add_arguments, options_of
from rehearsal.parameters_file import folder_parameters
from rehearsal.samba.outside import SambaDirectory, require_samba
from rehearsal.world import Ports, World
from runbook_lib.errors import RunbookError, ServiceFailed, UsageError
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.target import Route
from runbook_lib.model.text import t

ATTESTED_FOR = timedelta(days=30)
"""How long attestation and acknowledgements of the parameters file count."""
FEDERATED_FOR = timedelta(days=1)
"""How long the token of a workload counts: nobody renews it here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until asked to stop. Returns the exit code; a failed start is described in ``failure.json``."""
    told = _parsed(arguments)
    folder = RehearsalFolder(told.folder)
    folder.create()
    try:
        with FileLock(folder.lock, timeout=0):
            take_away(folder)
            asyncio.run(_serve(folder, told, options_of(told)))
    except _Ended:
        if told.fresh:
            shutil.rmtree(folder.path, ignore_errors=True)
        return Outcome.INTERRUPTED.exit_code
    except Timeout:
        return _failed(folder, _already_running(folder))
    except RunbookError as error:
        return _failed(folder, error)
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rehearsal.serve")
    parser.add_argument("--folder", type=Path, required=True)
    add_arguments(parser)
    parser.add_argument("--records", type=Path)
    parser.add_argument("--instance", default="")
    parser.add_argument("--watch-parent", action="store_true")
    parser.add_argument("--fresh", action="store_true")  # the folder was made for this start
    return parser.parse_args(arguments)


class _Ended(BaseException):
    """Told to end before there was anything that could be stopped. No Exception: nothing on the way may take it."""


class _Parent:
    """The process that started this one, as far as this one ends with it."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gone = False

    def watch(self) -> None:
        """Notice when standard input ends: the parent holds its other end, and even SIGKILL closes that."""
        threading.Thread(target=self._wait, daemon=True, name="parent watch").start()

    def _wait(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(sys.stdin.fileno(), 4096):
                pass
        self._gone = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended first
                self._loop.call_soon_threadsafe(self._end)
        elif os.name == "posix":
            # What is being made blocks the loop, and with Samba takes a minute.
            os.kill(os.getpid(), signal.SIGTERM)

    def now_ends(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        """From here on the world is stopped in order."""
        self._world, self._loop = world, loop
        if self._gone:
            self._end()

    def _end(self) -> None:
        if self._world is not None and not self._world.stays:
            self._world.stopped.set()


def _end_at_once_on_signals() -> None:
    def end(*_: object) -> None:
        raise _Ended

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


async def _serve(folder: RehearsalFolder, told: argparse.Namespace, options: StartOptions) -> None:
    parent = _Parent()
    _end_at_once_on_signals()
    if told.watch_parent:
        parent.watch()
    certificates, passwords = make_certificates(utc_now()), new_passwords()
    folder.write_secrets(certificates, passwords)
    samba = None
    if options.directory == "samba":
        require_samba()
        _require_free(options)
        samba = SambaDirectory(certificates, passwords, options.exchange, folder)
    # A hundred thousand objects that stay: looking through them for garbage takes longer than making them.
    gc.disable()
    try:
        world = World(certificates, passwords, options, clock=utc_now, samba=samba)
    except BaseException:
        if samba is not None:
            samba.end()
        raise
    gc.freeze()
    gc.enable()
    # Its stamps come from the first certificate; the second vouches for its https address.
    folder.time_stamp_ca.write_bytes(world.time_stamps.ca_pem + certificates.ca_pem)
    loop = asyncio.get_running_loop()
    _stop_on_signals(loop, world.stopped.set)
    parent.now_ends(world, loop)
    ports = await _listen(world, folder)
    machine = await _with_identity(world, folder, ports)
    until = utc_now().date() + ATTESTED_FOR
    for route, path in (
        (Route.DIRECT, folder.parameters),
        (Route.CLOUD_SYNC, folder.cloud_sync_parameters),
        (Route.CONNECT_SYNC, folder.connect_sync_parameters),
    ):
        text = folder_parameters(
            folder,
            graph_port=ports.graph,
            ldap_port=ports.ldap,
            dns_port=ports.dns,
            until=until,
            records=told.records,
            route=route,
        )
        path.write_text(text, encoding="utf-8")
    folder.write_json(folder.state, _state(folder, ports, told.instance, options))
    try:
        await world.stopped.wait()
    finally:
        folder.state.unlink(missing_ok=True)
        await machine.stop()
        await world.stop()


async def _with_identity(world: World, folder: RehearsalFolder, ports: Ports) -> MachineIdentity:
    """What gives this machine a managed identity, and the token of a workload, as ``identities.json`` says."""
    machine = MachineIdentity(
        world.sign_in, system=MACHINE_CLIENT_ID, assigned=(ASSIGNED_CLIENT_ID,), folder=folder.challenges
    )
    port = await machine.start(f"https://{HOST}:{ports.graph}")
    write_private(folder.federated_token, world.sign_in.federated_token(CLUSTER, life=FEDERATED_FOR).encode())
    found = {**machine.environments(port), "workload": {"AZURE_FEDERATED_TOKEN_FILE": str(folder.federated_token)}}
    write_private(folder.identities, (json.dumps(found, indent=2) + "\n").encode())
    return machine


async def _listen(world: World, folder: RehearsalFolder) -> Ports:
    try:
        return await world.start(server_context(folder.server))
    except OSError as error:
        raise _not_listening(error, world.options) from None


def _require_free(options: StartOptions) -> None:
    """Nobody waits for Samba to be told then that a port is taken."""
    try:
        for port in (options.graph_port, options.ldap_port):
            socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise _not_listening(error, options) from None


def _not_listening(error: OSError, options: StartOptions) -> Exception:
    """What to raise: an error for the user where a port is taken or not allowed, else what it was."""
    if error.errno not in (errno.EADDRINUSE, errno.EACCES):
        return error
    wanted = ", ".join(str(port) for port in (options.graph_port, options.ldap_port, options.dns_port) if port)
    what = "in use" if error.errno == errno.EADDRINUSE else "not allowed for this account"
    return ServiceFailed(
        t("The rehearsal cannot listen: one of the ports {wanted} is {what}.", wanted=wanted, what=what),
        code="rehearsal-port-taken",
        hint=t("Choose others with --graph-port, --ldap-port and --dns-port, or let the system choose: --free-ports."),
        values={"graph_port": options.graph_port, "ldap_port": options.ldap_port, "dns_port": options.dns_port},
    )


def _state(folder: RehearsalFolder, ports: Ports, instance: str, options: StartOptions) -> dict[str, object]:
    cloud = f"https://{HOST}:{ports.graph}"
    return {
        "name": folder.name,
        "instance": instance,
        "pid": os.getpid(),
        "graph_url": cloud,
        "authority_url": cloud,
        "control_url": f"{cloud}/rehearsal",
        "graph_port": ports.graph,
        "ldap_host": HOST,
        "ldap_port": ports.ldap,
        "dns_port": ports.dns,
        "directory_addresses": dict(ports.directory),
        "ca_file": str(folder.ca),
        "parameters_file": str(folder.parameters),
        "exchange": options.exchange,
        "mail_flow": options.mail_flow,
        "throttle": options.throttle or "off",
        "latency_ms": options.latency_ms,
        "domains": options.domains,
        "directory": options.directory,
        "size": asdict(options.size) if options.size else None,
        "started": utc_now().isoformat(timespec="seconds"),
    }


def _stop_on_signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows has no such handlers in its loop
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def _already_running(folder: RehearsalFolder) -> UsageError:
    return UsageError(
        t("The rehearsal {folder_name} is running already.", folder_name=folder.name),
        code="rehearsal-running",
        hint=t("Stop it with: gwb rehearsal stop --name {folder_name}", folder_name=folder.name),
        values={"name": folder.name},
    )


def _failed(folder: RehearsalFolder, error: RunbookError) -> int:
    description = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.outcome.exit_code,
    }
    folder.write_json(folder.failure, description)
    sys.stderr.write(f"{error}\n")
    return error.outcome.exit_code


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Taking thousands of objects apart one by one serves nobody, and whoever stopped us waits.
    os._exit(exit_code)
