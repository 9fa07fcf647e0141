"""The directory under test as a contract test sees it: an address, a CA, an administrator, and LDAP through ldap3."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ldap3

from runbook_lib.directory.sign_in.bind import VerifiedTls, client_context

_numbers = itertools.count(1)


@dataclass(frozen=True)
class DirectoryUnderTest:
    """Where the directory answers (LDAPS where ``ca_file`` is given) and who may write everywhere."""

    host: str
    port: int
    ca_file: str | None
    base_dn: str
    administrator_dn: str
    administrator: str
    administrator_password: str = field(repr=False)
    staff_ou: str = ""
    plain_port: int = 389
    """Where LDAP begins in the clear and a simple bind needs StartTLS first; Samba's cannot be moved."""
    words_like_windows: bool = True
    """Whether result messages are Windows' own; Samba has its own words beside the same codes."""

    @property
    def configuration_dn(self) -> str:
        """The configuration naming context."""
        return f"CN=Configuration,{self.base_dn}"

    @property
    def schema_dn(self) -> str:
        """The schema naming context."""
        return f"CN=Schema,{self.configuration_dn}"

    def connection(
        self, user: str | None = None, password: str | None = None, *, plain: bool = False
    ) -> ldap3.Connection:
        """An open connection that nobody has bound yet; by ``plain`` one in the clear, ready for StartTLS."""
        # ldap3's own check of host names calls a function that Python has deprecated.
        tls = VerifiedTls(client_context(self.ca_file)) if self.ca_file else None
        server = ldap3.Server(
            self.host,
            self.plain_port if plain else self.port,
            use_ssl=tls is not None and not plain,
            tls=tls,
            get_info=ldap3.NONE,
            connect_timeout=10,
        )
        connection = ldap3.Connection(
            server,
            user,
            password,
            client_strategy=ldap3.SAFE_SYNC,
            auto_referrals=False,
            auto_range=False,
            return_empty_attributes=False,
            check_names=False,
            receive_timeout=30,
        )
        connection.open()
        return connection


class Client:
    """Bound as administrator. Every call returns the result's code, message and what came with it."""

    def __init__(self, directory: DirectoryUnderTest, user: str | None = None, password: str | None = None) -> None:
        self.directory = directory
        name = user or directory.administrator
        self.connection = directory.connection(name, password or directory.administrator_password)
        _, result, _, _ = self.connection.bind()
        if result["result"]:
            raise AssertionError(result)

    def search(self, base: str, condition: str, *attributes: str, scope: str = "SUBTREE", **more: Any) -> Answer:
        """One search; without attributes only names come back."""
        _, result, response, _ = self.connection.search(
            base, condition, scope, attributes=list(attributes) or ["1.1"], **more
        )
        entries = [item for item in response or [] if item["type"] == "searchResEntry"]
        references = [uri for item in response or [] if item["type"] == "searchResRef" for uri in item["uri"]]
        return Answer(result["result"], result["message"], entries, references, result)

    def read(self, dn: str, *attributes: str, controls: Any = None) -> dict[str, list[bytes]]:
        """Raw values of one object, by the names that the server sent."""
        answer = self.search(dn, "(objectClass=*)", *(attributes or ("*",)), scope="BASE", controls=controls)
        if answer.code or len(answer.entries) != 1:
            raise AssertionError((answer.code, answer.message))
        return dict(answer.entries[0]["raw_attributes"])

    def add(self, dn: str, kind: str, attributes: Mapping[str, Any] | None = None, controls: Any = None) -> Answer:
        """Create an object."""
        _, result, _, _ = self.connection.add(dn, kind.split(), dict(attributes or {}), controls)
        return Answer.of(result)

    def modify(self, dn: str, changes: Mapping[str, Sequence[tuple[str, list[Any]]]], controls: Any = None) -> Answer:
        """Change an object."""
        _, result, _, _ = self.connection.modify(dn, {name: list(items) for name, items in changes.items()}, controls)
        return Answer.of(result)

    def move(self, dn: str, rdn: str, parent: str | None = None) -> Answer:
        """Rename an object, or move it."""
        _, result, _, _ = self.connection.modify_dn(dn, rdn, new_superior=parent)
        return Answer.of(result)

    def delete(self, dn: str, controls: Any = None) -> Answer:
        """Delete an object."""
        _, result, _, _ = self.connection.delete(dn, controls)
        return Answer.of(result)

    def refused(self, answer: Answer, codes: int | set[int], prefix: str = "") -> None:
        """Check for one of these result codes and for the Windows error that AD's message begins with."""
        expected = {codes} if isinstance(codes, int) else codes
        if answer.code not in expected or (self.directory.words_like_windows and not answer.message.startswith(prefix)):
            raise AssertionError((expected, prefix, answer.code, answer.message))

    def must(self, answer: Answer) -> Answer:
        """The answer, which has to be success."""
        if answer.code:
            raise AssertionError((answer.code, answer.message))
        return answer

    def close(self) -> None:
        """Unbind."""
        self.connection.unbind()


@dataclass(frozen=True)
class Answer:
    """An LDAP result."""

    code: int
    message: str
    entries: list[Any] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    result: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Answer:
        """From ldap3's dictionary."""
        return cls(result["result"], result["message"], result=result)

    @property
    def names(self) -> list[str]:
        """DNs found."""
        return [entry["dn"] for entry in self.entries]


class Workshop:
    """An OU of one test's own, below the staff OU, and short ways to fill it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.number = next(_numbers)
        self.ou = f"OU=contract {self.number},{client.directory.staff_ou}"
        client.must(client.add(self.ou, "organizationalUnit"))

    def name(self, text: str) -> str:
        """An account name that no other test takes."""
        return f"c{self.number}-{text}"

    def dn(self, text: str) -> str:
        """The DN of an object directly in the OU."""
        return f"CN={text},{self.ou}"

    def group(self, text: str, **attributes: Any) -> str:
        """A group, universal distribution unless told."""
        values = {"sAMAccountName": self.name(text), "groupType": "8", **attributes}
        self.client.must(self.client.add(self.dn(text), "group", values))
        return self.dn(text)

    def users(self, count: int) -> list[str]:
        """Contacts are members as good as users, and quicker to make."""
        names = [self.dn(f"member {number}") for number in range(count)]
        for name in names:
            self.client.must(self.client.add(name, "contact"))
        return names

    def remove(self) -> None:
        """Take everything away again, deepest first."""
        found = self.client.search(self.ou, "(objectClass=*)", paged_size=1000)
        names: Iterator[str] = iter(sorted(found.names, key=lambda dn: -dn.count(",")))
        for name in names:
            self.client.delete(name)
