"""A small client of the control endpoint, for tests and the demo. Standard library only, so that it starts quickly."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import cast


class ControlError(Exception):
    """The control endpoint refused or did not answer."""


class ControlRefusal(ControlError):  # noqa: N818 - an answer, not a failure
    """The control endpoint looked at the request and said no; ``reason`` is its sentence."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Control:
    """Talks to ``<control_url>/<action>``.

    Args:
        url: ``control_url`` of state.json.
        token: The control token.
        ca_file: The rehearsal's CA.
        timeout: Seconds to wait for one answer.
    """

    def __init__(self, url: str, token: str, ca_file: Path, *, timeout: float = 30.0) -> None:
        self._url = url
        self._token = token
        self._timeout = timeout
        # No proxy stands between a process and its own loopback interface, whatever the environment says.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca_file))),
        )

    def __repr__(self) -> str:
        return f"Control({self._url})"

    def call(self, method: str, action: str, body: Mapping[str, object] | None = None) -> dict[str, object]:
        """One request.

        Raises:
            ControlError: Refused, or nobody answers.
        """
        request = urllib.request.Request(  # noqa: S310 - the address comes from our own state file
            f"{self._url}/{action}",
            method=method,
            data=json.dumps(dict(body or {})).encode() if method == "POST" else None,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return cast("dict[str, object]", json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode("utf-8", "replace")
            message = f"{method} {action}: {error.code} {text}"
            if error.code == 400:
                raise ControlRefusal(message, _reason(text)) from None
            raise ControlError(message) from None
        except (OSError, ValueError) as error:
            raise ControlError(f"{method} {action}: {error}") from None

    def reset(self) -> None:
        """Both sides back to the seed; holds, faults, counters and settings cleared."""
        self.call("POST", "reset")

    def mark(self) -> None:
        """Let ``reset`` go back to what AD holds now, instead of to the seed."""
        self.call("POST", "mark")

    def status(self) -> dict[str, object]:
        """Counters of both servers."""
        return self.call("GET", "status")

    def hold_write(self, number: int, when: str = "before") -> None:
        """Hold the ``number``-th LDAP write from now on, ``before`` or ``after`` it takes effect."""
        self.call("POST", "hold-write", {"number": number, "when": when})

    def writes(self) -> dict[str, object]:
        """``{"count": writes since start, reset or the last hold-write, "held": bool}``."""
        return self.call("GET", "writes")

    def wait_until_held(self, timeout: float = 30.0, *, held: bool = True) -> None:
        """Return once a write is held, or with ``held`` false, once none is.

        Raises:
            ControlError: That was not so within ``timeout`` seconds.
        """
        end = time.monotonic() + timeout
        while True:
            seconds = max(min(end - time.monotonic(), self._timeout / 3), 0)
            if self.call("POST", "wait-held", {"held": held, "seconds": seconds})["held"] == held:
                return
            if time.monotonic() >= end:
                raise ControlError(f"{'no' if held else 'a'} write was held within {timeout} s")

    def release(self) -> None:
        """Let the held write go on and hold no further one."""
        self.call("POST", "release")

    def directory(self) -> dict[str, dict[str, list[str]]]:
        """Every AD object: DN to attribute to values; GUIDs and SIDs as text, other octets as ``base64:…``."""
        return cast("dict[str, dict[str, list[str]]]", self.call("GET", "directory"))

    def edit_directory(self, action: str, dn: str, **arguments: object) -> None:
        """``add`` or ``modify`` (``attributes``: name to values) or ``delete`` an AD object as the system."""
        self.call("POST", "directory", {"action": action, "dn": dn, **arguments})

    def edit_cloud(self, action: str, **arguments: object) -> dict[str, object]:
        """Edit the tenant: see ``edit_cloud`` for actions and arguments; ``add-configuration`` takes a ``kind`` of
        ``contoso.cloud_sync.KINDS``."""
        return self.call("POST", "cloud", {"action": action, **arguments})

    def cloud_sync(self, action: str, **arguments: object) -> dict[str, object]:
        """``run``: let Cloud Sync's jobs run once, and say what each did; ``agents`` (``state``: active, inactive;
        ``domains`` that they serve); ``members`` (``on``): "Provision membership to on-premises users"."""
        return self.call("POST", "cloud-sync", {"action": action, **arguments})

    def connect_sync(self, action: str = "cycle", **arguments: object) -> dict[str, object]:
        """``cycle`` (``at_most``): let Connect Sync run one, say what it did; the wizard: ``enable`` (``container``,
        ``display_names``), ``disable``, ``stage`` (``on``), ``leave-out`` (``ous``); ``prevent-deletes``
        (``threshold``); ``evidence``: what the collector would write now."""
        return self.call("POST", "connect-sync", {"action": action, **arguments})

    def fault(self, kind: str, **arguments: object) -> None:
        """Arm a fault: see ``Fault`` for kinds and arguments (count, retry_after, service, path, when …)."""
        self.call("POST", "fault", {"kind": kind, **arguments})

    def settings(self, **values: object) -> None:
        """Lifetimes in seconds (``token_lifetime``, ``device_code_lifetime``, ``refresh_token_lifetime``); of the app
        registration (the demo's, or ``client_id``) ``roles``, ``scopes``, ``public`` and ``enabled``. They count for
        tokens issued from then on."""
        self.call("POST", "settings", values)

    def pace(self, **values: object) -> None:
        """``throttle`` (small, medium, large, off) and ``latency_ms`` of Graph, until the next reset."""
        self.call("POST", "pace", values)

    def device_codes(self) -> dict[str, object]:
        """``waiting``: sign-ins that wait, as code, application and seconds left; ``users`` who could sign in."""
        return self.call("GET", "device-codes")

    def approve_device(self, code: str, *, user: str | None = None, outcome: str = "approved") -> dict[str, object]:
        """Answer a device code as ``approved``, ``denied`` or ``blocked``; the user is an administrator by default."""
        named = {} if user is None else {"user": user}
        return self.call("POST", "approve-device", {"code": code, "outcome": outcome, **named})

    def revoke(self, **arguments: object) -> None:
        """Take back what was issued so far: of ``user`` (with refresh tokens, unless ``keep_refresh_tokens``), or of
        the application ``client_id``. Clients that declared the capability cp1 meet a claims challenge."""
        self.call("POST", "revoke", arguments)

    def directory_fault(self, kind: str, **arguments: object) -> None:
        """Arm a fault of the directory: see ``DirectoryFault`` for kinds and arguments (operation, count, skip …)."""
        self.call("POST", "directory-fault", {"kind": kind, **arguments})

    def directory_policy(self, **values: object) -> None:
        """Change limits of the directory, or ``require_signing``: see ``QueryPolicy``."""
        self.call("POST", "directory-policy", values)

    def requests(self) -> list[list[object]]:
        """The last Graph requests as ``[method, path, status, client-request-id]``."""
        return cast("list[list[object]]", self.call("GET", "requests")["requests"])

    def stay(self) -> None:
        """Ask the rehearsal to go on when the process that started it ends."""
        self.call("POST", "stay")

    def stop(self) -> None:
        """Ask the rehearsal to end."""
        self.call("POST", "stop")


def _reason(text: str) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text
