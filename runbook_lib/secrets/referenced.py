"""Secrets that parameters refer to, found under the names of the environment variables that else hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runbook_lib.model.text import Text, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.secrets.reference import SecretStores

_REFERENCES: Mapping[str, tuple[str, Text]] = {
    "GWB_CLIENT_SECRET": ("client_secret_from", t("client secret")),
    "GWB_CERTIFICATE_PASSWORD": ("certificate_password_from", t("password of the certificate")),
    "GWB_BIND_PASSWORD": ("bind_password_from", t("password of bind_user")),
}
"""Environment variables, the parameters that say where else their values are, and what those are in words."""


class ReferencedSecrets(Mapping[str, str]):
    """An environment in which the secrets that the parameters refer to have their values.

    Each is looked up when it is first asked for, and kept from then on. Names alone (``in``, ``iter``) look up nothing.

    Args:
        parameters: With absolute paths.
        stores: Where references are looked up; its environment is the one beneath this.
    """

    def __init__(self, parameters: Parameters, stores: SecretStores) -> None:
        self._beneath = stores.environment
        self._stores = stores
        told = ((name, getattr(parameters, parameter)) for name, (parameter, _) in _REFERENCES.items())
        self._references = {name: text for name, text in told if text}
        self._found: dict[str, str] = {}

    def __repr__(self) -> str:
        return "ReferencedSecrets(••••)"

    def __getitem__(self, name: str) -> str:
        """The value of a variable.

        Raises:
            KeyError: There is none.
            NoAccess: It is a secret that is not where its parameter says.
            UsageError: The file with it cannot be used.
        """
        if name not in self._references:
            return self._beneath[name]
        if name not in self._found:
            parameter, what = _REFERENCES[name]
            found = self._stores.get(self._references[name], parameter=parameter, what=what)
            self._found[name] = found.reveal()
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._references or name in self._beneath

    def __iter__(self) -> Iterator[str]:
        yield from self._beneath
        yield from (name for name in self._references if name not in self._beneath)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def with_references(parameters: Parameters, stores: SecretStores) -> Mapping[str, str]:
    """The environment of ``stores``, with the secrets that the parameters refer to where they refer to any."""
    referred = any(getattr(parameters, parameter) for parameter, _ in _REFERENCES.values())
    return ReferencedSecrets(parameters, stores) if referred else stores.environment
