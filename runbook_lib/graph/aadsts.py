"""The sign-in service's error numbers in words.

Source of the numbers: Microsoft Entra documentation, "Microsoft Entra authentication and authorization error codes".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from runbook_lib.errors import NoAccess
from runbook_lib.graph.scrub import scrubbed

_NUMBER = re.compile(r"AADSTS(\d{3,9})")
_TRAILER = re.compile(r"\s*(?:Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)

_NEW_SECRET = "Create a new client secret and set GWB_CLIENT_SECRET to its value."  # noqa: S105 - a sentence
_WORDS: dict[int, tuple[str, str]] = {
    7000215: (
        "the client secret is wrong",
        "Set GWB_CLIENT_SECRET to the secret's value, not to its id; check that it belongs to client_id.",
    ),
    7000222: ("the client secret has expired", _NEW_SECRET),
    7000216: ("the app sent neither a client secret nor a certificate", "Check the parameter sign_in."),
    7000218: ("the app sent neither a client secret nor a certificate", "Check the parameter sign_in."),
    700016: (
        "this tenant does not know the app",
        "Check client_id and tenant_id; an administrator of the tenant must have consented to the app.",
    ),
    700027: (
        "the certificate is not one that the app accepts: not registered, expired, or with another key",
        "Add the certificate with this thumbprint to the app registration, or name the right certificate_file.",
    ),
    700024: (
        "the signed request is outside its time of validity",
        "Set this computer's clock: a difference of more than five minutes is refused.",
    ),
    700023: ("the signed request names another audience", "Check authority_url and tenant_id."),
    7000112: ("the app is disabled", "Enable the app's service principal in the tenant."),
    7000229: (
        "the app has no service principal in this tenant",
        "An administrator of the tenant must consent to the app.",
    ),
    90002: ("the tenant does not exist", "Check tenant_id, and whether authority_url is that tenant's cloud."),
    900023: ("the tenant id is neither a GUID nor a domain name", "Check tenant_id."),
    900021: ("the tenant id is not one", "Check tenant_id."),
    53003: (
        "Conditional Access blocks this sign-in",
        "Ask who keeps the tenant's Conditional Access policies; the sign-in log names the one that blocks.",
    ),
    53011: ("the account is blocked because of its risk", "Ask the security team; the sign-in log says more."),
    530031: ("a security policy blocks this sign-in", "Ask who keeps the tenant's Conditional Access policies."),
    500011: (
        "the tenant does not know Microsoft Graph under this address",
        "Check graph_url: it must belong to the same cloud as authority_url.",
    ),
    500014: ("the service principal of Microsoft Graph is disabled", "Ask an administrator of the tenant."),
    70011: ("the scope is not valid", "Check graph_url."),
    1002012: ("the scope is not valid", "Check graph_url."),
    65001: ("nobody has consented to the app's permissions", "An administrator of the tenant must consent to the app."),
    50034: ("the account does not exist", "Check client_id and tenant_id."),
    50059: ("the tenant is not named in the request", "Check tenant_id."),
    90033: ("the sign-in service has a temporary problem", "Run again later."),
}


def sign_in_refused(
    answer: Mapping[str, object],
    *,
    who: str,
    secrets: tuple[str, ...],
    values: Mapping[str, object],
) -> NoAccess:
    """The error for a refusal of the sign-in service.

    Args:
        answer: Its JSON: ``error``, ``error_description``, ``trace_id``, ``correlation_id``.
        who: The app and tenant, and how it signed in, in words.
        secrets: Texts that must not be quoted even if the service does.
        values: Further facts.
    """
    description = str(answer.get("error_description") or "")
    number = _number(answer, description)
    words, hint = _WORDS.get(number, ("", "")) if number else ("", "")
    said = scrubbed(_TRAILER.sub("", description) or str(answer.get("error") or ""), secrets, limit=300)
    told = f" (AADSTS{number})" if number else ""
    message = f"Sign-in was refused{told}: {words or 'the service gave the reason below'}. {who}."
    if said:
        message += f" The service says: {said}"
    facts: dict[str, object] = {**values, "aadsts": number, "error": scrubbed(str(answer.get("error") or ""), secrets)}
    for key in ("trace_id", "correlation_id", "suberror"):
        if isinstance(answer.get(key), str):
            facts[key] = scrubbed(str(answer[key]), secrets, limit=80)
    return NoAccess(
        message,
        code="sign-in-refused",
        hint=hint or "Look up the number in the Microsoft Entra sign-in log of the app.",
        values=facts,
    )


def _number(answer: Mapping[str, object], description: str) -> int | None:
    match = _NUMBER.search(description)
    if match:
        return int(match.group(1))
    codes = answer.get("error_codes")
    first = codes[0] if isinstance(codes, list) and codes else None
    return first if isinstance(first, int) and not isinstance(first, bool) else None
