"""A real Active Directory domain controller (Samba) with Exchange's schema, on the loopback interface.

Runs only inside the lane's own namespaces (see ``lane.py``): its ports are fixed by the protocol, and it keeps its
state in memory below ``STATE``, which the lane mounts and which ends with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rehearsal.certificates import make_certificates, write_private
from rehearsal.samba import controller, schema
from rehearsal.samba.ldap_tools import LdapTools
from tests.samba import content

TREE = controller.STATE / "lab"
DOMAIN = "contoso.com"
BASE_DN = "DC=contoso,DC=com"
CONFIGURATION_NC = f"CN=Configuration,{BASE_DN}"
SCHEMA_NC = f"CN=Schema,{CONFIGURATION_NC}"
ADMINISTRATOR = f"administrator@{DOMAIN}"


@dataclass(frozen=True)
class SambaLab:
    """A running lab. Paths lie below ``TREE``; accounts are user principal names; password files hold no line break."""

    host: str
    port: int
    ca_file: str
    base_dn: str
    configuration_nc: str
    administrator: str
    administrator_dn: str
    administrator_password: str
    administrator_password_file: str
    writer: str
    writer_password: str
    writer_password_file: str
    krb5_conf: str
    writer_keytab: str
    staff_ou: str
    groups_ou: str
    target_ou: str
    retired_ou: str

    @property
    def tools(self) -> LdapTools:
        """ldapsearch and ldapmodify as administrator."""
        return LdapTools(self.port, Path(self.ca_file), self.administrator, Path(self.administrator_password_file))

    @property
    def writer_tools(self) -> LdapTools:
        """ldapsearch and ldapmodify as the writing account."""
        return LdapTools(self.port, Path(self.ca_file), self.writer, Path(self.writer_password_file))

    def keytab(self, account: str, path: Path) -> Path:
        """Write the keys of an account into a keytab that only its owner reads."""
        controller.run(
            "samba-tool", "domain", "exportkeytab", str(path), f"--principal={account}", f"-s{TREE}/etc/smb.conf"
        )
        path.chmod(0o600)
        return path

    def parameters(self) -> dict[str, object]:
        """The Active Directory half of a parameters file, signing in as the writing account."""
        return {
            "dc_host": self.host,
            "dc_port": self.port,
            "dc_ca_file": self.ca_file,
            "bind_user": self.writer,
            "bind_password_file": self.writer_password_file,
            "target_ou": self.target_ou,
            "retired_ou": self.retired_ou,
        }

    def as_json(self) -> str:
        """JSON form, for the tests that run in a process of their own."""
        return json.dumps(asdict(self), indent=2)


def lab_from_json(text: str) -> SambaLab:
    """The lab that ``as_json`` described."""
    return SambaLab(**json.loads(text))


def _described(passwords: dict[str, str]) -> SambaLab:
    return SambaLab(
        host="localhost",
        port=636,
        ca_file=str(TREE / "ca.pem"),
        base_dn=BASE_DN,
        configuration_nc=CONFIGURATION_NC,
        administrator=ADMINISTRATOR,
        administrator_dn=f"CN=Administrator,CN=Users,{BASE_DN}",
        administrator_password=passwords["administrator"],
        administrator_password_file=str(TREE / "administrator-password.txt"),
        writer=f"{content.WRITER}@{DOMAIN}",
        writer_password=passwords["writer"],
        writer_password_file=str(TREE / "writer-password.txt"),
        krb5_conf=str(TREE / "krb5-lab.conf"),
        writer_keytab=str(TREE / "writer.keytab"),
        staff_ou=f"OU=Staff,{BASE_DN}",
        groups_ou=f"OU=Groups,{BASE_DN}",
        target_ou=f"OU=Cloud Groups,{BASE_DN}",
        retired_ou=f"OU=Retired Cloud Groups,{BASE_DN}",
    )


_KRB5_CONF = f"""\
[libdefaults]
    default_realm = {DOMAIN.upper()}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
[realms]
    {DOMAIN.upper()} = {{
        kdc = 127.0.0.1
    }}
    NOWHERE.EXAMPLE = {{
        kdc = 127.0.0.1:1
    }}
[domain_realm]
    localhost = {DOMAIN.upper()}
"""


def _password() -> str:
    """A random password with every kind of character that AD's complexity rule counts."""
    return f"Aa1-{secrets.token_urlsafe(18)}"


def _provision(passwords: dict[str, str]) -> None:
    """Make the domain's files, its certificate and the password files."""
    controller.provision(TREE, DOMAIN, "CONTOSO", passwords["administrator"], make_certificates(datetime.now(UTC)))
    for name, password in passwords.items():
        write_private(TREE / f"{name}-password.txt", password.encode())
    (TREE / "krb5-lab.conf").write_text(_KRB5_CONF)


@contextmanager
def _server(lab: SambaLab) -> Iterator[None]:
    """Run the server until the block ends."""
    with controller.running_controller(TREE, lab.tools):
        yield


def _populate(lab: SambaLab) -> None:
    """Extend the schema, add the content, and give the writing account its rights on both OUs."""
    lab.tools.modify(schema.schema_ldif(SCHEMA_NC))
    lab.tools.modify(content.content_ldif(BASE_DN, CONFIGURATION_NC, DOMAIN, lab.writer_password))
    controller.let_write_groups(TREE, content.WRITER, lab.target_ou, lab.retired_ou)
    # The lab is reached as localhost, so that is a name of its service too.
    controller.run("samba-tool", "spn", "add", "ldap/localhost", "DC1$", f"-H{TREE}/private/sam.ldb")
    lab.keytab(content.WRITER, Path(lab.writer_keytab))
    # Exchange's setup lets every account read its configuration; the class's own default hides it.
    exchange = f"CN=Microsoft Exchange,CN=Services,{CONFIGURATION_NC}"
    controller.set_rights(TREE, exchange, "(A;CI;LCRPLORC;;;AU)")


def _cache_file(folder: Path) -> Path:
    """Where a tree with exactly this content would lie: our sources, their data and Samba's version decide."""
    told = hashlib.sha256(controller.run("samba", "--version").encode())
    here = Path(__file__).resolve().parent
    ours = (*here.glob("*.py"), *Path(controller.__file__).parent.glob("*.py"))
    for path in (*sorted(ours), *sorted(schema.DATA.glob("*.csv"))):
        told.update(path.read_bytes())
    return folder / f"{told.hexdigest()[:16]}.tar"


def _restore(cached: Path) -> SambaLab | None:
    """The lab out of a cached tree, or None where there is none, or its certificates are about to end."""
    if not cached.is_file() or time.time() - cached.stat().st_mtime > 30 * 86400:
        return None
    with tarfile.open(cached) as archive:
        archive.extractall(controller.STATE, filter="fully_trusted")  # noqa: S202 - we wrote it, it must keep owners and modes
    return lab_from_json((TREE / "lab.json").read_text())


def _keep(cached: Path) -> None:
    """Write the tree of a stopped lab to the cache, readable only by its owner; older ones go.

    It gets its name when it is whole: half a tree would be taken for the lab by every later run.
    """
    cached.parent.mkdir(parents=True, exist_ok=True)
    for old in cached.parent.iterdir():
        old.unlink()
    growing = cached.with_suffix(".growing")
    descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(TREE, arcname=TREE.name, filter=lambda member: None if member.name.endswith(".log") else member)
    growing.replace(cached)


@contextmanager
def running_lab(cache: Path | None) -> Iterator[SambaLab]:
    """A lab with its content, ended with the block. ``cache`` is a folder for provisioned trees, or None."""
    cached = _cache_file(cache) if cache else None
    lab = _restore(cached) if cached else None
    if lab is not None:
        with _server(lab):
            yield lab
        return
    passwords = {"administrator": _password(), "writer": _password()}
    lab = _described(passwords)
    _provision(passwords)
    write_private(TREE / "lab.json", lab.as_json().encode())
    if cached:
        with _server(lab):
            _populate(lab)
        _keep(cached)
        with _server(lab):
            yield lab
    else:
        with _server(lab):
            _populate(lab)
            yield lab
