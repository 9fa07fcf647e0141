"""Sign-in of a person with a code that is typed on any device (OAuth 2.0 device authorization grant, RFC 8628)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import msal

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.graph.sender import Sender
from runbook_lib.graph.sign_in.cache import SignInCache
from runbook_lib.graph.sign_in.msal_http import HttpForMsal, Registration
from runbook_lib.graph.sign_in.refusals import refusal_number_of, sign_in_refused
from runbook_lib.graph.sign_in.tokens import CAPABILITIES, account_of, has_token
from runbook_lib.model.addresses import is_https
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.model.untrusted import printable

_LONGEST_INTERVAL = 60.0
"""Seconds between two questions whether somebody has signed in."""
_SLICE = 1.0
"""Seconds of one nap while waiting, so that giving up is noticed soon."""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a person has to do: open the address, type the code, before it expires."""

    code: str
    address: str
    expires: datetime
    minutes: int


class SignInPrompt(Protocol):
    """Shows a code to a person. What it showed last must not hold the code any more."""

    def show(self, code: DeviceCode) -> None:
        """Show the code and the address."""
        ...

    def close(self, text: Text) -> None:
        """Replace the code by how it ended, for example "signed in as ada@contoso.com"."""
        ...


class DeviceCodeSignIn:
    """Signs a person in; while tokens can be renewed silently nobody is asked again. Used by one thread at a time.

    Args:
        registration: App, tenant and addresses; the app must allow public client flows.
        cache: Where msal keeps tokens.
        prompt: Shows the code; None: nobody would see it.
        sender: Sends what msal wants sent.
        clock: Now, UTC.
        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        registration: Registration,
        *,
        cache: SignInCache,
        prompt: SignInPrompt | None,
        sender: Sender,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._registration = registration
        self._cache = cache
        self._prompt = prompt
        self._http = HttpForMsal(sender, urlsplit(registration.authority_url).netloc)
        self._clock = clock
        self._sleep = sleep
        self._app: Any = None
        self._abandoned = threading.Event()

    def __repr__(self) -> str:
        return f"DeviceCodeSignIn({self._registration!r})"

    def abandon(self) -> None:
        """Give up waiting for the person, and ask nobody any more: other threads may stand in line to do so."""
        self._abandoned.set()

    def acquire(self, *, claims: str | None, renew: bool) -> Mapping[str, object]:
        """A token of the person who signed in before, or of the one who signs in now.

        Raises:
            NoAccess: Refused (``sign-in-refused``), declined or not in time (``sign-in-not-completed``), or nobody
                would see the code (``sign-in-needs-person``).
            ServiceFailed: The sign-in service does not work.
        """
        silent = self._http.ask(lambda: self._silent(claims, renew))
        if silent is not None and has_token(silent):
            return silent
        if self._abandoned.is_set():
            raise self._not_completed(t("it was cancelled"))
        if self._prompt is None:
            raise self._nobody(silent)
        return self._ask_person(self._prompt, claims)

    def _client(self) -> Any:
        if self._app is None:
            self._app = msal.PublicClientApplication(
                self._registration.client_id,
                authority=self._registration.authority,
                http_client=self._http,
                instance_discovery=self._registration.instance_discovery,
                client_capabilities=CAPABILITIES,
                token_cache=self._cache.tokens,
            )
        return self._app

    def _silent(self, claims: str | None, renew: bool) -> object:
        """msal's answer for the one account it knows; None for no account, or for several of which none is chosen."""
        client = self._client()
        accounts = client.get_accounts()
        if len(accounts) != 1:
            return None
        return client.acquire_token_silent_with_error(
            [self._registration.scope], accounts[0], force_refresh=renew, claims_challenge=claims
        )

    def _ask_person(self, prompt: SignInPrompt, claims: str | None) -> Mapping[str, object]:
        asked = self._clock()
        scopes = [self._registration.scope]
        answer = self._http.ask(lambda: self._client().initiate_device_flow(scopes, claims_challenge=claims)) or {}
        flow = dict(answer)
        code = self._code(flow, asked)
        ended = t("Sign-in: cancelled")
        try:
            # Inside: Ctrl-C may come while the code is being shown, and the code must not stay on the screen then.
            prompt.show(code)
            result = self._wait(flow, code, claims)
            ended = _done(result)
            self._forget_others(result)
            return result
        except (NoAccess, ServiceFailed):
            ended = t("Sign-in: not completed")
            raise
        finally:
            flow["expires_at"] = 0  # ends msal's own waiting, wherever that may be
            prompt.close(ended)

    def _wait(self, flow: dict[str, Any], code: DeviceCode, claims: str | None) -> Mapping[str, object]:
        interval = _seconds(flow.get("interval"), 5.0)
        while True:
            self._nap(interval)
            if self._clock() >= code.expires:
                raise self._not_completed(_not_typed(code))
            answer = self._poll(flow, claims)
            if has_token(answer):
                return answer
            error = answer.get("error")
            if error == "slow_down":
                interval = min(interval + 5, _LONGEST_INTERVAL)
            elif error == "authorization_declined" or (error == "access_denied" and not refusal_number_of(answer)):
                raise self._not_completed(t("it was declined"))
            elif error == "expired_token":
                raise self._not_completed(_not_typed(code))
            elif error != "authorization_pending":
                raise self._refused(answer, flow)

    def _poll(self, flow: dict[str, Any], claims: str | None) -> Mapping[str, object]:
        """One question. msal would do the waiting by its own clock and could not be interrupted."""
        flow.pop("latest_attempt_at", None)
        flow["interval"] = 1
        return (
            self._http.ask(
                lambda: self._client().acquire_token_by_device_flow(
                    flow, claims_challenge=claims, exit_condition=lambda _: True
                )
            )
            or {}
        )

    def _nap(self, seconds: float) -> None:
        while seconds > 0:
            if self._abandoned.is_set():
                raise self._not_completed(t("it was cancelled"))
            self._sleep(min(seconds, _SLICE))
            seconds -= _SLICE

    def _code(self, flow: Mapping[str, object], asked: datetime) -> DeviceCode:
        if "user_code" not in flow and "error" in flow:
            raise self._refused(flow, flow)
        code, address = flow.get("user_code"), flow.get("verification_uri") or flow.get("verification_url")
        if not (isinstance(code, str) and 0 < len(code) <= 40 and _is_address(address) and flow.get("device_code")):
            raise ServiceFailed(
                t(
                    "The sign-in service at {http_host} gave no code that a person could type.",
                    http_host=self._http.host,
                ),
                code="sign-in-garbled",
                hint=t("Check authority_url."),
                values={"host": self._http.host},
            )
        life = _seconds(flow.get("expires_in"), 900.0, most=3600.0)
        return DeviceCode(code, str(address), asked + timedelta(seconds=life), max(1, round(life / 60)))

    def _forget_others(self, result: Mapping[str, object]) -> None:
        """Keep only the account that signed in now: which one is meant must never be a guess."""
        names = {account_of(_claims(result)).casefold()}
        client = self._client()
        for account in client.get_accounts():
            if len(client.get_accounts()) > 1 and str(account.get("username", "")).casefold() not in names:
                client.remove_account(account)

    def _nobody(self, silent: Mapping[str, object] | None) -> NoAccess:
        kept = NOTHING if silent is None else _not_accepted(refusal_number_of(silent))
        nobody = t("sign_in is device-code, and nobody would see the code here.")
        return NoAccess(
            joined((nobody, kept, t("{app}.", app=self._registration.shown))),
            code="sign-in-needs-person",
            hint=t("Run it in JupyterLab, or with gwb run in a terminal. For schedules set sign_in to certificate."),
            values=self._registration.values,
        )

    def _not_completed(self, why: Text) -> NoAccess:
        return NoAccess(
            t("Sign-in was not completed: {why}. {shown}.", why=why, shown=self._registration.shown),
            code="sign-in-not-completed",
            hint=t("Run it again and type the new code in time."),
            values=self._registration.values,
        )

    def _refused(self, answer: Mapping[str, object], flow: Mapping[str, object]) -> NoAccess:
        who = t("{app} asked a person to sign in with a device code", app=self._registration.shown)
        secrets = tuple(str(flow[name]) for name in ("device_code", "user_code") if flow.get(name))
        return sign_in_refused(answer, who=who, secrets=secrets, values=self._registration.values, person=True)


def _done(result: Mapping[str, object]) -> Text:
    account = account_of(_claims(result))
    if not account:
        return t("Sign-in: done")
    return t("Sign-in: done, signed in as {account}", account=printable(account, limit=200))


def _not_typed(code: DeviceCode) -> Text:
    return t("nobody typed the code within its {minutes} minutes", minutes=code.minutes)


def _claims(result: Mapping[str, object]) -> Mapping[str, object] | None:
    claims = result.get("id_token_claims")
    return claims if isinstance(claims, dict) else None


def _not_accepted(number: int | None) -> Text:
    if number:
        return t("The sign-in that was kept is not accepted any more (AADSTS{number}).", number=number)
    return t("The sign-in that was kept is not accepted any more.")


def _seconds(value: object, default: float, most: float = _LONGEST_INTERVAL) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    return min(float(str(value)), most) if known else default


def _is_address(value: object) -> bool:
    """Whether a person can be sent there."""
    return isinstance(value, str) and len(value) <= 200 and is_https(value, with_path=True)
