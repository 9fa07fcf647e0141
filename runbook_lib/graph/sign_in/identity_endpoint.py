"""msal's way to the endpoint that gives this computer its managed identity: local addresses alone, judged answers.

Tokens come over HTTP without TLS, so the address has to be of this computer, of its hypervisor or of a private network;
the environment names it. Azure Arc proves that the caller may have tokens by a file that only some accounts can read.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import urlencode, urlsplit

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed, UsageError
from runbook_lib.graph.sender import READING, WORTH_ANOTHER_TRY, Answer, Manner, Sender
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable

UPDATING = Manner(WORTH_ANOTHER_TRY | {404, 410}, READING.whole)
"""The instance metadata service is being updated for a minute at 404 and 410 ("How to use managed identities on an
Azure VM to acquire an access token", error handling)."""
ARC_TOKEN_FOLDERS: Mapping[str, str] = {
    "linux": "/var/opt/azcmagent/tokens",
    "win32": os.path.expandvars(r"%ProgramData%\AzureConnectedMachineAgent\Tokens"),
}
"""Where the agent of Azure Arc puts the files of its challenges, by ``sys.platform``."""


_CHALLENGE = re.compile(r"(?i:Basic\s+realm)=(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class IdentitySource:
    """What gives tokens here.

    Attributes:
        title: In words, to follow "from".
        to_do: What to do where it refuses.
        challenges: Whether it asks for a file first (Azure Arc).
        updates: Whether 404 and 410 mean that it is being updated.
    """

    title: Text
    to_do: Text
    challenges: bool = False
    updates: bool = False


@dataclass(frozen=True, slots=True)
class _Response:
    """What msal reads of an answer."""

    status_code: int
    text: str = field(repr=False)
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Only asked for by msal's clients of other services."""
        if self.status_code >= 400:
            raise ValueError(f"HTTP {self.status_code}")


class HttpForIdentity:
    """msal's HTTP client for one managed identity.

    Args:
        sender: Sends over a ``HostSession``.
        source: What gives tokens.
        platform: As ``sys.platform``.
    """

    def __init__(self, sender: Sender, source: IdentitySource, *, platform: str = sys.platform) -> None:
        self._sender = sender
        self._source = source
        self._platform = platform
        self.last: Answer | None = None
        """The latest answer."""

    def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None, **_: object
    ) -> _Response:
        """GET, for a token or for a challenge.

        Raises:
            UsageError: The environment names an address that is not local (``managed-identity-address``).
            NoAccess: Nothing answers (``managed-identity-unreachable``), or a challenge names another file than the
                agent of Azure Arc has (``managed-identity-challenge``).
            ServiceFailed: It answers with nothing useful.
        """
        host = _local_host(url)
        whole = f"{url}{'&' if '?' in url else '?'}{urlencode(dict(params or {}))}"
        answer = self._answer(whole, host, dict(headers or {}))
        self.last = answer
        challenged = self._source.challenges and answer.status == 401 and "Authorization" not in (headers or {})
        if challenged:
            self._require_own_file(answer.headers.get("WWW-Authenticate", ""))
        # msal logs the text of an answer that is no JSON, and a truncated one can hold a token.
        return _Response(answer.status, json.dumps(answer.body or {}), dict(answer.headers))

    def post(self, url: str, **_: object) -> _Response:
        """No source that is used here is asked by POST."""
        raise NotImplementedError(url)

    def close(self) -> None:
        """Nothing: the session belongs to whoever made it."""

    def _answer(self, url: str, host: str, headers: dict[str, str]) -> Answer:
        manner = UPDATING if self._source.updates else READING
        attempts = self._sender.attempts(host)
        failure: RunbookError
        try:
            while True:
                result = self._sender.once("GET", url, headers=headers, manner=manner)
                if isinstance(result, Answer):
                    return result
                attempts.wait(result)
        except ServiceFailed as error:
            if error.values.get("status") != 404:
                raise
            failure = error
        except NoAccess as error:
            failure = error
        # Something else answers at this address in other clouds, and nothing does elsewhere.
        raise NoAccess(
            t(
                "No managed identity here: {said} {title} would have to answer at {host}.",
                said=failure.message,
                title=self._source.title,
                host=host,
            ),
            code="managed-identity-unreachable",
            hint=t(
                "Run it on an Azure virtual machine, in Azure App Service or on a server with Azure Arc that has a "
                "managed identity, or set sign_in to another way."
            ),
            values=failure.values,
        )

    def _require_own_file(self, challenge: str) -> None:
        """What the file of a challenge holds is sent to whoever asked for it."""
        if is_of_agent(challenge, self._platform):
            return
        raise NoAccess(
            t(
                "Azure Arc's answer names a file that its agent does not write: {file}. Nothing of it was read.",
                file=printable(challenge.partition("=")[2], limit=120),
            ),
            code="managed-identity-challenge",
            hint=t("Look at what answers at IDENTITY_ENDPOINT: it should be the Azure Connected Machine agent."),
            values={"folder": ARC_TOKEN_FOLDERS.get(self._platform, "")},
        )


def is_of_agent(challenge: str, platform: str) -> bool:
    """Whether a challenge of Azure Arc (``Basic realm=PATH``) names a file that its agent puts into its own folder."""
    found = _CHALLENGE.fullmatch(challenge.strip())
    folder = ARC_TOKEN_FOLDERS.get(platform, "")
    flavour: type[PurePath] = PureWindowsPath if platform == "win32" else PurePosixPath
    file = flavour(found["path"] if found else "")
    return bool(folder) and file.parent == flavour(folder) and file.suffix == ".key"


def _local_host(url: str) -> str:
    """``name[:port]`` of an address of this computer, its hypervisor or a private network."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        known = host == "localhost" or ipaddress.ip_address(host).is_private
    except ValueError:
        known = False
    if known and parts.scheme in ("http", "https") and "@" not in parts.netloc:
        return parts.netloc
    raise UsageError(
        t(
            "The environment names {host} as the source of this computer's identity, and that is no local address.",
            host=printable(parts.netloc.rpartition("@")[2], limit=100),
        ),
        code="managed-identity-address",
        hint=t(
            "Azure sets IDENTITY_ENDPOINT, IMDS_ENDPOINT and AZURE_POD_IDENTITY_AUTHORITY_HOST itself: unset them "
            "where somebody else did."
        ),
        values={"host": printable(parts.netloc.rpartition("@")[2], limit=100)},
    )
