"""The secrets of a run by value, so that they can be searched for and removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runbook_lib.errors import RunbookError
from runbook_lib.parameters import Parameters, resolve
from runbook_lib.secrets.sources import secret_file, without_marks

SECRET_VARIABLES = ("GWB_CLIENT_SECRET", "GWB_BIND_PASSWORD")
"""Environment variables that hold a secret."""
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
"""Environment variables that hold addresses, maybe with a password in them; in lower case too."""


def known_secrets(parameters: Parameters, project_root: Path, environment: Mapping[str, str]) -> list[str]:
    """Values of this run's secrets; what cannot be read is left out."""
    found = variable_secrets(environment)
    found += _proxy_passwords(environment)
    if parameters.bind_password_file:
        try:
            path = resolve(parameters.bind_password_file, project_root)
            found.append(secret_file(path, parameter="bind_password_file").reveal())
        except RunbookError:
            pass
    return found


def variable_secrets(environment: Mapping[str, str]) -> list[str]:
    """Values of the environment variables that hold a secret: as they stand there, and as they are sent."""
    raw = [environment[name] for name in SECRET_VARIABLES if environment.get(name)]
    return list(dict.fromkeys(form for value in raw for form in (value, without_marks(value)) if form))


def _proxy_passwords(environment: Mapping[str, str]) -> list[str]:
    """Passwords inside the addresses of proxies, as they stand there and decoded."""
    found: list[str] = []
    for name in PROXY_VARIABLES:
        for spelled in (name, name.lower()):
            try:
                password = urlsplit(environment.get(spelled, "")).password
            except ValueError:
                continue
            if password:
                found += [password, unquote(password)]
    return found
