"""A pypsrp that nobody installed: what the program calls of it, with an answer or an error of one's own."""

from __future__ import annotations

import types
from typing import Any


class Streams:
    def __init__(self) -> None:
        self.error: list[object] = []


class FakePsrp:
    """What the program calls of pypsrp 0.9, with an answer or an error."""

    def __init__(self) -> None:
        self.opened: dict[str, Any] = {}
        self.scripts: list[tuple[str, dict[str, str]]] = []
        self.output: list[object] = []
        self.errors: list[object] = []
        self.fails: Exception | None = None
        self.closed = 0

    def modules(self) -> dict[str, types.ModuleType]:
        fake = self

        class WSMan:
            def __init__(self, server: str, **given: Any) -> None:
                fake.opened = {"server": server, **given}

            def __enter__(self) -> WSMan:
                return self

            def __exit__(self, *_: object) -> None:
                fake.closed += 1

        class RunspacePool:
            def __init__(self, connection: WSMan) -> None:
                assert isinstance(connection, WSMan)

            def __enter__(self) -> RunspacePool:
                if fake.fails:
                    raise fake.fails
                return self

            def __exit__(self, *_: object) -> None:
                fake.closed += 1

        class PowerShell:
            def __init__(self, _: RunspacePool) -> None:
                self.streams = Streams()
                self.had_errors = False
                self._script = ""
                self._given: dict[str, str] = {}

            def add_script(self, script: str) -> None:
                self._script = script

            def add_parameters(self, given: dict[str, str]) -> None:
                self._given = given

            def invoke(self) -> list[object]:
                fake.scripts.append((self._script, self._given))
                self.streams.error = fake.errors
                self.had_errors = bool(fake.errors)
                return fake.output

        class WinRMError(Exception):
            pass

        class AuthenticationError(WinRMError):
            pass

        class SpnegoError(Exception):
            pass

        self.authentication, self.winrm, self.spnego = AuthenticationError, WinRMError, SpnegoError
        made: dict[str, dict[str, type]] = {
            "pypsrp": {},
            "pypsrp.wsman": {"WSMan": WSMan},
            "pypsrp.powershell": {"PowerShell": PowerShell, "RunspacePool": RunspacePool},
            "pypsrp.exceptions": {"WinRMError": WinRMError, "AuthenticationError": AuthenticationError},
            "spnego": {},
            "spnego.exceptions": {"SpnegoError": SpnegoError},
        }
        found = {}
        for name, members in made.items():
            module = types.ModuleType(name)
            for key, value in members.items():
                setattr(module, key, value)
            found[name] = module
        return found
