"""Faults between the client and the embedded directory, by script, at the ldap3 connection and on every later one."""

from __future__ import annotations

from typing import Any

from ldap3.core.exceptions import LDAPSocketReceiveError, LDAPSocketSendError

from runbook_lib.directory.connection import Directory

OK = "ok"
UNSENT = "unsent"
"""The connection is gone before the request left."""
UNANSWERED = "unanswered"
"""The server carries it out; the connection is gone before its answer."""
LATE = "late"
"""The connection is gone; the server carries the request out just before the next write of anybody."""
BUSY = "busy"
"""The server answers busy and does nothing."""

WRITES = ("add", "modify", "modify_dn", "delete")


class Faults:
    """What happens to the next requests of some methods, in order; when the script is at its end, nothing."""

    def __init__(self, script: list[str], methods: tuple[str, ...] = WRITES, *, code: int = 51) -> None:
        self.script = list(script)
        self.methods = methods
        self.code = code
        self._late: list[tuple[str, tuple[object, ...], dict[str, object]]] = []

    def into(self, directory: Directory) -> None:
        """Put the faults between this client and its server."""
        line = directory._line
        reopen = line._reopen
        assert reopen is not None
        line._connection = _Connection(line._connection, self)
        line._reopen = lambda: _Connection(reopen(), self)

    def meet(self, connection: Any, method: str, arguments: tuple[object, ...], named: dict[str, object]) -> Any:
        """One request."""

        def send() -> Any:
            return getattr(connection, method)(*arguments, **named)

        if method not in self.methods:
            return send()
        fault = self.script.pop(0) if self.script else OK
        if fault == UNSENT:
            raise LDAPSocketSendError("gone before sending")
        if fault == LATE:
            self._late.append((method, arguments, named))
            raise LDAPSocketReceiveError("gone; the request is still under way")
        for late_method, late_arguments, late_named in self._late:
            getattr(connection, late_method)(*late_arguments, **late_named)
        self._late.clear()
        if fault == BUSY:
            return False, {"result": self.code, "description": "busy", "message": "", "type": "x"}, [], {}
        answer = send()
        if fault == UNANSWERED:
            raise LDAPSocketReceiveError("gone before the answer")
        return answer


class _Connection:
    """An ldap3 connection with faults."""

    inner: Any
    faults: Faults

    def __init__(self, connection: Any, faults: Faults) -> None:
        vars(self).update(inner=connection, faults=faults)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.inner, name, value)

    def __getattr__(self, name: str) -> Any:
        if name not in (*WRITES, "search"):
            return getattr(self.inner, name)
        return lambda *arguments, **named: self.faults.meet(self.inner, name, arguments, named)
