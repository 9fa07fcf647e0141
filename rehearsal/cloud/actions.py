"""What the control endpoint may do to Graph (faults, pace, what was asked) and to sign-in (codes, lives of tokens)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from rehearsal.cloud.control import ControlRefusedError
from rehearsal.cloud.device_codes import DeviceCodeError
from rehearsal.cloud.faults import Fault
from rehearsal.cloud.server import CloudServer
from rehearsal.cloud.sign_in import SignIn
from rehearsal.cloud.sign_in_errors import SignInError
from rehearsal.cloud.throttling import SIZES

Action = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]


class SignInActions:
    """The actions by name; ``client_id`` is the application that they mean where none is named."""

    def __init__(self, sign_in: SignIn, *, client_id: str) -> None:
        self._sign_in = sign_in
        self._client_id = client_id

    def actions(self) -> Mapping[str, Action]:
        """``"METHOD name"`` to its function."""
        return {
            "GET device-codes": self._device_codes,
            "POST approve-device": self._approve_device,
            "POST revoke": self._revoke,
            "POST settings": self._settings,
        }

    async def _device_codes(self, _: Mapping[str, object]) -> Mapping[str, object]:
        now = self._sign_in.clock()
        return {
            "waiting": [
                {
                    "code": one.user_code,
                    "application": one.application,
                    "seconds": int((one.expires - now).total_seconds()),
                }
                for one in self._sign_in.devices.waiting()
            ],
            "users": [user.user_principal_name for user in self._sign_in.users.administrators()],
        }

    async def _approve_device(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """``code``, ``outcome`` (approved, denied, blocked) and ``user`` (first administrator where left out)."""
        name, outcome = body.get("user"), str(body.get("outcome", "approved"))
        users = self._sign_in.users
        user = users.administrators()[0] if name is None else users.find(str(name))
        if user is None:
            raise ControlRefusedError(f"No user is called {name}.")
        try:
            answered = self._sign_in.devices.answer(str(body["code"]), outcome, user)
        except DeviceCodeError as error:
            raise ControlRefusedError(str(error)) from None
        return {
            "code": answered.user_code,
            "application": answered.application,
            "outcome": outcome,
            "user": user.user_principal_name,
            "display_name": user.display_name,
        }

    async def _revoke(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """Take back access tokens issued so far: of ``user``, or else of the application ``client_id`` itself.

        A user's refresh tokens end too, unless ``keep_refresh_tokens`` is true (as when only the network changed).
        """
        if "user" in body:
            user = self._sign_in.users.find(str(body["user"]))
            if user is None:
                raise ControlRefusedError(f"No user is called {body['user']}.")
            subject = user.id
            if body.get("keep_refresh_tokens") is not True:
                self._sign_in.refresh_tokens.revoke(subject)
        else:
            subject = self._application(body)
        self._sign_in.revocation.revoke(subject, self._sign_in.issuer.issued)
        return {}

    def _application(self, body: Mapping[str, object]) -> str:
        try:
            return self._sign_in.registrations.get(str(body.get("client_id", self._client_id))).object_id
        except SignInError as error:
            raise ControlRefusedError(str(error)) from None

    async def _settings(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """Lifetimes in seconds (``token_lifetime``, ``device_code_lifetime``, ``refresh_token_lifetime``), and of the
        application: ``roles``, ``scopes``, ``public``, ``enabled``."""
        changes: dict[str, object] = {}
        for name in ("roles", "scopes"):
            given = body.get(name)
            if isinstance(given, list):
                changes[name] = tuple(str(one) for one in given)
            elif given is not None:
                raise ControlRefusedError(f"{name} is a list of permissions")
        for name in ("public", "enabled"):
            given = body.get(name)
            if given is not None and not isinstance(given, bool):
                raise ControlRefusedError(f"{name} is true or false")
            if given is not None:
                changes[name] = given
        lifetimes = {name: _seconds(body, name) for name in _LIFETIMES}
        if (seconds := lifetimes["token_lifetime"]) is not None:
            self._sign_in.issuer.token_lifetime = seconds
        if (seconds := lifetimes["device_code_lifetime"]) is not None:
            self._sign_in.devices.lifetime = seconds
        if (seconds := lifetimes["refresh_token_lifetime"]) is not None:
            self._sign_in.refresh_tokens.lifetime = timedelta(seconds=seconds)
        if changes:
            self._sign_in.registrations.change(str(body.get("client_id", self._client_id)), **changes)
        return {}


_LIFETIMES = ("token_lifetime", "device_code_lifetime", "refresh_token_lifetime")


def _seconds(body: Mapping[str, object], name: str) -> int | None:
    value = body.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise ControlRefusedError(f"{name} is a number of seconds")


class GraphActions:
    """The actions by name."""

    def __init__(self, server: CloudServer) -> None:
        self._server = server

    def actions(self) -> Mapping[str, Action]:
        """``"METHOD name"`` to its function."""
        return {"GET requests": self._requests, "POST fault": self._fault, "POST pace": self._pace}

    async def _requests(self, _: Mapping[str, object]) -> Mapping[str, object]:
        return {"requests": self._server.traffic.recent}

    async def _fault(self, body: Mapping[str, object]) -> Mapping[str, object]:
        fields: dict[str, object] = dict(body)
        self._server.faults.arm(Fault(**fields))  # type: ignore[arg-type] # unknown names are the caller's error
        return {}

    async def _pace(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """``throttle`` (one of ``SIZES``, or off) and ``latency_ms``, until the next reset."""
        throttle, latency = body.get("throttle"), body.get("latency_ms")
        if throttle is not None and throttle not in (*SIZES, "off"):
            raise ControlRefusedError(f"throttle is one of {', '.join(SIZES)}, off")
        if latency is not None and (not isinstance(latency, int) or isinstance(latency, bool) or latency < 0):
            raise ControlRefusedError("latency_ms is a number of milliseconds")
        if throttle is not None:
            self._server.throttle.reset(size="" if throttle == "off" else str(throttle))
        if isinstance(latency, int):
            self._server.pace.latency = latency / 1000
        return {}
