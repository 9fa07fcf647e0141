"""OpenLDAP's command-line tools: an eye that shares no code with the product."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LdifEntry:
    """One entry as ldapsearch printed it. Attribute names as the server spelled them, values as bytes."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]

    def text(self, name: str) -> str | None:
        """First value of an attribute as text, or None."""
        values = self.texts(name)
        return values[0] if values else None

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of an attribute as text; attribute names know no case."""
        found = (values for key, values in self.attributes.items() if key.casefold() == name.casefold())
        return tuple(value.decode("utf-8") for value in next(found, ()))


def parse_ldif(text: str) -> tuple[LdifEntry, ...]:
    """Entries of unwrapped LDIF (``-o ldif-wrap=no``), referrals and comments left out."""
    entries = []
    for block in text.split("\n\n"):
        values: dict[str, list[bytes]] = {}
        for line in block.splitlines():
            name, colon, value = line.partition(":")
            if not colon or line.startswith("#"):
                continue
            decoded = base64.b64decode(value[1:].strip()) if value.startswith(":") else value.strip().encode()
            values.setdefault(name, []).append(decoded)
        if "dn" in values:
            dn = values.pop("dn")[0].decode("utf-8")
            entries.append(LdifEntry(dn, {name: tuple(found) for name, found in values.items()}))
    return tuple(entries)


@dataclass(frozen=True)
class LdapTools:
    """ldapsearch and ldapmodify as one account.

    The tools are given the address and not the name: OpenLDAP replaces ``localhost`` by the machine's own name before
    it checks the certificate.
    """

    port: int
    ca_file: Path
    user: str
    password_file: Path

    def _run(self, *arguments: str, stdin: str = "") -> str:
        tool, *rest = arguments
        done = subprocess.run(
            [tool, "-x", "-H", f"ldaps://127.0.0.1:{self.port}", "-D", self.user, "-y", str(self.password_file), *rest],
            env={**os.environ, "LDAPTLS_CACERT": str(self.ca_file), "LDAPTLS_REQCERT": "demand"},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        if done.returncode:
            raise RuntimeError(f"{tool} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def search(
        self, base: str, filter_text: str, *attributes: str, scope: str = "sub", paged: bool = False
    ) -> tuple[LdifEntry, ...]:
        """What ldapsearch finds below ``base``; ``paged`` where it may be more than a controller's page."""
        pages = ("-E", "pr=500/noprompt") if paged else ()
        asked = ("-LLL", *pages, "-o", "ldif-wrap=no", "-b", base, "-s", scope, filter_text, *attributes)
        return parse_ldif(self._run("ldapsearch", *asked))

    def modify(self, ldif: str) -> None:
        """Apply LDIF change records with ldapmodify."""
        self._run("ldapmodify", stdin=ldif)
