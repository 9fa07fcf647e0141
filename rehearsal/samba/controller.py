"""Provisioning and running a Samba AD DC below one folder; what OpenLDAP's tools ask of it.

Its ports are fixed by the protocol, so it belongs into a network namespace of its own (``NAMESPACE``); paths that are
compiled into Samba lie below ``STATE``, which such a namespace hides behind a file system in memory.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.certificates import Certificates, write_private
from rehearsal.samba.ldap_tools import LdapTools

STATE = Path("/var/lib/samba")
NAMESPACE = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
"""A network namespace keeps the fixed ports off this machine, a process namespace ends all of it."""
PROGRAMS = ("samba", "samba-tool", "ldapsearch", "ldapmodify", "ip", "unshare", "mount")
PACKAGES = (
    *("samba", "samba-ad-dc", "samba-ad-provision", "samba-dsdb-modules", "samba-vfs-modules", "winbind"),
    *("python3-samba", "ldap-utils", "attr", "iproute2", "util-linux"),
)
"""Debian's packages of all that is needed."""
START_SECONDS = 60
END_SECONDS = 30
GROUP_CLASS = "bf967a9c-0de6-11d0-a285-00aa003049e2"
"""schemaIDGUID of the class group."""


def run(*arguments: str) -> str:
    """What a program printed; raises RuntimeError with its last lines where it failed."""
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise RuntimeError(f"{' '.join(arguments[:4])} ended with {done.returncode}:\n{said}")
    return done.stdout


def prepare_namespaces() -> None:
    """Bring up the loopback interface of the own network namespace and hide the machine's Samba state.

    Raises:
        RuntimeError: Loopback is up already, or there are other interfaces: this is no namespace of our own.
    """
    shown = run("ip", "-o", "link").splitlines()
    if len(shown) != 1 or "LOOPBACK" not in shown[0] or "LOWER_UP" in shown[0]:
        raise RuntimeError("not in a network namespace of its own")
    run("ip", "link", "set", "lo", "up")
    STATE.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=1g,mode=700", "tmpfs", str(STATE))


def provision(tree: Path, domain: str, netbios: str, administrator_password: str, certificates: Certificates) -> None:
    """Make the files of the domain and of its first controller, dc1, below ``tree``."""
    run(
        *("samba-tool", "domain", "provision", f"--realm={domain.upper()}", f"--domain={netbios}", "--host-name=dc1"),
        *("--server-role=dc", "--dns-backend=NONE", f"--adminpass={administrator_password}", f"--targetdir={tree}"),
    )
    begin_key = certificates.server_pem.index(b"-----BEGIN PRIVATE KEY-----")
    (tree / "ca.pem").write_bytes(certificates.ca_pem)
    (tree / "certificate.pem").write_bytes(certificates.server_pem[:begin_key])
    write_private(tree / "key.pem", certificates.server_pem[begin_key:])
    (tree / "run").mkdir()


@contextmanager
def running_controller(tree: Path, tools: LdapTools) -> Iterator[None]:
    """Run the provisioned controller until the block ends; it answers when the block begins.

    Afterwards none of its processes is left: the first of them does not wait for the others, which are still putting
    away what they have below ``tree``.
    """
    options = (
        *("interfaces=lo", "bind interfaces only=yes", "server services=ldap,cldap,kdc,rpc,wrepl"),
        *("ldap server require strong auth=allow_sasl_over_tls", "dsdb:schema update allowed=true"),
        *(f"tls cafile={tree}/ca.pem", f"tls certfile={tree}/certificate.pem", f"tls keyfile={tree}/key.pem"),
        *(f"pid directory={tree}/run", f"ncalrpc dir={tree}/run/ncalrpc"),
    )
    log = tree / "samba.log"
    held, holding = os.pipe()  # every process of the server holds one end until it ends, whoever its parent is then
    with log.open("wb") as output:
        server = subprocess.Popen(
            ["samba", "-i", "-s", f"{tree}/etc/smb.conf", *(f"--option={option}" for option in options)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(holding,),
        )
    os.close(holding)
    try:
        _wait_until_it_answers(tools, server, log)
        yield
    finally:
        server.terminate()
        server.wait(timeout=END_SECONDS)
        if not select.select([held], [], [], END_SECONDS)[0]:
            os.killpg(server.pid, signal.SIGKILL)
        os.close(held)


def _wait_until_it_answers(tools: LdapTools, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            tools.search("", "(objectClass=*)", "defaultNamingContext", scope="base")
        except RuntimeError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"Samba does not answer: {error}\n{said}") from None
            time.sleep(0.1)
        else:
            return


def let_write_groups(tree: Path, account: str, *containers: str) -> None:
    """Give an account the rights of docs/permissions.md: create and delete groups there, full control of them."""
    database = f"-H{tree}/private/sam.ldb"
    shown = run("samba-tool", "user", "show", account, "--attributes=objectSid", database)
    sid = next(line.split()[1] for line in shown.splitlines() if line.startswith("objectSid"))
    for dn in containers:
        set_rights(tree, dn, f"(OA;CI;CCDC;{GROUP_CLASS};;{sid})(OA;CIIO;GA;;{GROUP_CLASS};{sid})")


def set_rights(tree: Path, dn: str, sddl: str) -> None:
    """Add access control entries to an object."""
    run("samba-tool", "dsacl", "set", f"--objectdn={dn}", f"--sddl={sddl}", f"-H{tree}/private/sam.ldb")
