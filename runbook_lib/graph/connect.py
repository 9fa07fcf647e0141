"""From parameters to a client: the one entry to Microsoft Graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from runbook_lib.errors import UsageError
from runbook_lib.graph.sender import Sender
from runbook_lib.graph.session import CloudSession, HostSession
from runbook_lib.graph.sign_in.app import AppSignIn
from runbook_lib.graph.sign_in.cache import SignInCache, cache_folder, kept_cache
from runbook_lib.graph.sign_in.certificate import (
    CERTIFICATE_PASSWORD_VARIABLE,
    ClientCertificate,
    load_certificate,
)
from runbook_lib.graph.sign_in.device_code import DeviceCodeSignIn, SignInPrompt
from runbook_lib.graph.sign_in.managed_identity import ManagedIdentity, ManagedIdentitySignIn
from runbook_lib.graph.sign_in.msal_http import Registration
from runbook_lib.graph.sign_in.tokens import Method, TokenSource
from runbook_lib.graph.sign_in.workload_identity import FederatedToken, federated_token
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.addresses import is_https
from runbook_lib.model.ids import is_guid, lower_guid
from runbook_lib.model.text import t
from runbook_lib.parameters.connections import addresses_of
from runbook_lib.parameters.model import Parameters
from runbook_lib.secrets.sources import Secret, secret_variable

CLIENT_SECRET_VARIABLE = "GWB_CLIENT_SECRET"  # noqa: S105 - the variable's name
"""Environment variable that holds the client secret (``sign_in: secret``)."""


def open_graph(
    parameters: Parameters,
    *,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    prompt: SignInPrompt | None = None,
    cache: SignInCache | None = None,
) -> GraphClient:
    """A client for the tenant that the parameters name. Nothing is sent yet; the first request signs in.

    Paths in the parameters are used as they stand: whoever read the parameters has made them absolute.

    Args:
        parameters: What the run is told.
        environment: Where the client secret comes from, and where a federated token is. (Proxies, and where a managed
            identity comes from, are read from the process's own environment.)
        clock: Now, UTC.
        sleep: Waits that many seconds.
        prompt: Shows a device code to a person (``sign_in: device-code``); None: nobody would see it.
        cache: From ``sign_in_cache``, so that several connections of one run share one sign-in.

    Raises:
        UsageError: An id is no GUID, an address is not https, a file cannot be used.
        NoAccess: ``sign_in: secret`` without the environment variable.
    """
    addresses = addresses_of(parameters)
    registration = Registration(
        tenant_id=_guid(parameters.tenant_id, "tenant_id"),
        client_id=_client_id(parameters),
        authority_url=_address(addresses.authority_url, "authority_url"),
        graph_url=_address(addresses.graph_url, "graph_url"),
    )
    by_app = parameters.sign_in in ("certificate", "secret", "workload-identity")
    credential = _credential(parameters, environment) if by_app else None
    ca_file = Path(parameters.cloud_ca_file).expanduser() if parameters.cloud_ca_file else None
    session = CloudSession(ca_file=ca_file, timeout=float(parameters.cloud_timeout))
    sender = Sender(session, clock=clock, sleep=sleep)
    method: Method
    if credential is not None:
        method = AppSignIn(registration, credential, sender=sender, clock=clock)
    elif parameters.sign_in == "managed-identity":
        method = ManagedIdentitySignIn(registration, _identity(parameters, clock, sleep))
    else:
        cache = cache or sign_in_cache(parameters, environment)
        method = DeviceCodeSignIn(registration, cache=cache, prompt=prompt, sender=sender, clock=clock, sleep=sleep)
    return GraphClient(registration.graph_url, TokenSource(method, clock=clock), session, clock=clock, sleep=sleep)


def sign_in_cache(parameters: Parameters, environment: Mapping[str, str]) -> SignInCache:
    """Where tokens of a person are kept: in memory, or encrypted in this account's folder (``sign_in_cache``)."""
    if parameters.sign_in != "device-code" or parameters.sign_in_cache == "none":
        return SignInCache()
    return kept_cache(cache_folder(environment), parameters.tenant_id.lower(), parameters.client_id.lower())


def _identity(parameters: Parameters, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> ManagedIdentity:
    timeout = float(parameters.cloud_timeout)
    return ManagedIdentity(
        parameters.client_id.lower(), clock=clock, sleep=sleep, session=lambda: HostSession(timeout=timeout)
    )


def _client_id(parameters: Parameters) -> str:
    """Of the app registration, or of a user-assigned identity; the system-assigned one needs none."""
    if parameters.sign_in == "managed-identity" and not parameters.client_id:
        return ""
    return _guid(parameters.client_id, "client_id")


def _credential(parameters: Parameters, environment: Mapping[str, str]) -> ClientCertificate | FederatedToken | Secret:
    if parameters.sign_in == "workload-identity":
        return federated_token(environment)
    if parameters.sign_in == "secret":
        return secret_variable(
            CLIENT_SECRET_VARIABLE,
            environment,
            what=t("client secret"),
            otherwise=t(
                "; or set sign_in to certificate and name the file in certificate_file; or sign in as a "
                "person: sign_in device-code"
            ),
        )
    if not parameters.certificate_file:
        raise UsageError(
            t("No certificate to sign in with: the parameter certificate_file is empty."),
            code="certificate-file",
            hint=t(
                "Name a PEM file with certificate and private key, readable by its owner alone, in "
                "certificate_file; or set sign_in to secret and the environment variable "
                "{client_secret_variable}; or sign in as a person: sign_in device-code.",
                client_secret_variable=CLIENT_SECRET_VARIABLE,
            ),
            values={"parameter": "certificate_file"},
        )

    def password() -> Secret | None:
        if not environment.get(CERTIFICATE_PASSWORD_VARIABLE):
            return None
        return secret_variable(CERTIFICATE_PASSWORD_VARIABLE, environment, what=t("password of the certificate"))

    return load_certificate(Path(parameters.certificate_file).expanduser(), password)


def _guid(value: str, parameter: str) -> str:
    if is_guid(value):
        return lower_guid(value)
    raise UsageError(
        (
            t("The parameter {parameter} is not a GUID: {value!r}.", parameter=parameter, value=value)
            if value
            else t("The parameter {parameter} is empty.", parameter=parameter)
        ),
        code="not-a-guid",
        hint=t("Copy it from the app registration's overview page in the Entra admin center."),
        values={"parameter": parameter, "value": value},
    )


def _address(value: str, parameter: str) -> str:
    """``https://host[:port]``, lower case, without the default port."""
    if not is_https(value):
        raise UsageError(
            t(
                "The parameter {parameter} is not an address of the form https://host or https://host:port: {value!r}.",
                parameter=parameter,
                value=value,
            ),
            code="not-an-address",
            hint=t("Leave it empty: the parameter cloud names the addresses."),
            values={"parameter": parameter, "value": value},
        )
    parts = urlsplit(value)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"https://{host}" if parts.port in (None, 443) else f"https://{host}:{parts.port}"
