"""The files of one rehearsal: where they are, and what is secret among them."""

from __future__ import annotations

import json
import os
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from rehearsal.certificates import Certificates, write_private

DEFAULT_GRAPH_PORT = 8443
"""Graph, sign-in and control, one https server."""
DEFAULT_LDAP_PORT = 8636
"""LDAPS."""
DEFAULT_DNS_PORT = 8053
"""DNS."""
HOST = "localhost"


@dataclass(frozen=True)
class Passwords:
    """What is made up anew for every rehearsal."""

    client_secret: str
    bind: str
    administrator: str
    control_token: str
    agent: str
    """Of Cloud Sync's provisioning agent; in no file."""

    def __repr__(self) -> str:
        return "Passwords(••••)"


def new_passwords() -> Passwords:
    """Random passwords, 32 letters and digits each."""
    alphabet = string.ascii_letters + string.digits
    made = ["".join(secrets.choice(alphabet) for _ in range(32)) for _ in range(5)]
    return Passwords(*made)


@dataclass(frozen=True)
class RehearsalFolder:
    """``.rehearsal/<name>/``, an absolute path."""

    path: Path

    @property
    def name(self) -> str:
        """The rehearsal's name."""
        return self.path.name

    @property
    def ca(self) -> Path:
        """CA certificate, for both servers."""
        return self.path / "ca.pem"

    @property
    def time_stamp_ca(self) -> Path:
        """Certificate of the time stamp authority, and the CA of its address."""
        return self.path / "time-stamp-ca.pem"

    @property
    def client(self) -> Path:
        """Client certificate and key of the app registration."""
        return self.path / "client.pem"

    @property
    def server(self) -> Path:
        """Server certificate and key."""
        return self.path / "server.pem"

    @property
    def client_secret(self) -> Path:
        """Client secret of the app registration."""
        return self.path / "client-secret.txt"

    @property
    def bind_password(self) -> Path:
        """Password of the writing account."""
        return self.path / "bind-password.txt"

    @property
    def administrator_password(self) -> Path:
        """Password of the domain's administrator."""
        return self.path / "administrator-password.txt"

    @property
    def control_token(self) -> Path:
        """Token of the control endpoint."""
        return self.path / "control-token.txt"

    @property
    def challenges(self) -> Path:
        """Folder of the files by which Azure Arc knows its callers."""
        return self.path / "challenges"

    @property
    def federated_token(self) -> Path:
        """A token of an issuer that the app registration trusts."""
        return self.path / "federated-token.txt"

    @property
    def identities(self) -> Path:
        """The environment variables of a machine or app with an identity of its own, by what it is, as JSON."""
        return self.path / "identities.json"

    @property
    def parameters(self) -> Path:
        """A parameters file that works with this rehearsal, for the direct route."""
        return self.path / "parameters.yaml"

    @property
    def cloud_sync_parameters(self) -> Path:
        """Another one, for the route cloud-sync."""
        return self.path / "cloud-sync.yaml"

    @property
    def connect_sync_parameters(self) -> Path:
        """And one for the route connect-sync."""
        return self.path / "connect-sync.yaml"

    @property
    def state(self) -> Path:
        """Addresses and process id; exists while the rehearsal runs."""
        return self.path / "state.json"

    @property
    def failure(self) -> Path:
        """Why the last start failed, as code, message and hint."""
        return self.path / "failure.json"

    @property
    def log(self) -> Path:
        """What the server process printed."""
        return self.path / "rehearsal.log"

    @property
    def samba(self) -> Path:
        """Process id and folder of sockets of a Samba, while there is one: by it a later start knows leftovers."""
        return self.path / "samba.txt"

    @property
    def lock(self) -> Path:
        """Held by the server process."""
        return self.path / "lock"

    def create(self) -> None:
        """Make the folder, readable only by its owner."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":
            self.path.chmod(0o700)

    def write_secrets(self, certificates: Certificates, passwords: Passwords) -> None:
        """Write certificates and passwords, the private ones with mode 600."""
        self.ca.write_bytes(certificates.ca_pem)
        write_private(self.client, certificates.client_pem)
        write_private(self.server, certificates.server_pem)
        for path, text in (
            (self.client_secret, passwords.client_secret),
            (self.bind_password, passwords.bind),
            (self.administrator_password, passwords.administrator),
            (self.control_token, passwords.control_token),
        ):
            write_private(path, f"{text}\n".encode())

    def write_json(self, path: Path, value: object) -> None:
        """Write JSON so that a reader sees all of it or nothing."""
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        partial.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(path)

    def read_state(self) -> dict[str, object] | None:
        """``state.json``, or None where it is missing or broken."""
        return _read_object(self.state)

    def read_failure(self) -> dict[str, object] | None:
        """``failure.json``, or None where it is missing or broken."""
        return _read_object(self.failure)


def _read_object(path: Path) -> dict[str, object] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
