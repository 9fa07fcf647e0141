"""The control endpoint: what tests and the demo do to the world behind the product's back.

``https://localhost:<port>/rehearsal/<action>`` with ``Authorization: Bearer <control token>``; bodies and answers are
JSON objects. The product never calls it.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from tornado.web import RequestHandler

from rehearsal.cloud.messages import to_json


class ControlRefusedError(Exception):
    """An action that makes no sense; the text says why."""


class ControlActions(Protocol):
    """What a world offers. Each takes the request's JSON object and returns the answer's."""

    def actions(self) -> Mapping[str, Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]]:
        """``"METHOD name"`` to its function, for example ``"POST reset"``."""
        ...


class ControlHandler(RequestHandler):
    """Checks the token and calls the action."""

    control: ControlActions
    token: str

    def initialize(self, control: ControlActions, token: str) -> None:
        self.control = control
        self.token = token

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    def check_xsrf_cookie(self) -> None:
        """The bearer token is the protection."""

    async def _serve(self, name: str) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        given = self.request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self.token or not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            self._answer(401, {"error": "the control token is missing or wrong"})
            return
        action = self.control.actions().get(f"{self.request.method} {name}")
        if action is None:
            self._answer(404, {"error": f"no action {self.request.method} {name}"})
            return
        try:
            body = json.loads(self.request.body or b"{}")
            if not isinstance(body, dict):
                raise ControlRefusedError("the body is not a JSON object")
            answer = await action(body)
        except ControlRefusedError as error:
            self._answer(400, {"error": str(error)})
            return
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._answer(400, {"error": f"{type(error).__name__}: {error}"})
            return
        self._answer(200, answer)

    get = post = _serve

    def _answer(self, status: int, body: Mapping[str, object]) -> None:
        self.set_status(status)
        self.finish(to_json(body))
