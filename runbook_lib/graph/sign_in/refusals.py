"""The sign-in service's error numbers in words.

Source of the numbers: Microsoft Entra documentation, "Microsoft Entra authentication and authorization error codes".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from runbook_lib.errors import NoAccess
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.secrets.sources import scrubbed

_NUMBER = re.compile(r"AADSTS(\d{3,9})")
_TRAILER = re.compile(r"\s*(?:Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)

_NEW_SECRET = t("Create a new client secret and set GWB_CLIENT_SECRET to its value.")
_REASONS: dict[int, tuple[Text, Text]] = {
    7000215: (
        t("the client secret is wrong"),
        t("Set GWB_CLIENT_SECRET to the secret's value, not to its id; check that it belongs to client_id."),
    ),
    7000222: (t("the client secret has expired"), _NEW_SECRET),
    7000216: (t("the app sent neither a client secret nor a certificate"), t("Check the parameter sign_in.")),
    7000218: (t("the app sent neither a client secret nor a certificate"), t("Check the parameter sign_in.")),
    700016: (
        t("this tenant does not know the app"),
        t("Check client_id and tenant_id; an administrator of the tenant must have consented to the app."),
    ),
    700027: (
        t("the certificate is not one that the app accepts: not registered, expired, or with another key"),
        t("Add the certificate with this thumbprint to the app registration, or name the right certificate_file."),
    ),
    700024: (
        t("the signed request, or the token in its place, is outside its time of validity"),
        t(
            "Set this computer's clock: a difference of more than five minutes is refused. With sign_in "
            "workload-identity, look whether the token in the file is still renewed."
        ),
    ),
    700211: (
        t("the app trusts no token of this issuer"),
        t("Under Federated credentials, the app registration has to name the token's issuer, letter by letter."),
    ),
    700212: (
        t("the app trusts no token for this audience"),
        t("The token has to be for api://AzureADTokenExchange, or as the app's federated credential names it."),
    ),
    700213: (
        t("the app trusts no token of this subject"),
        t("Under Federated credentials, the app registration has to name the token's subject, letter by letter."),
    ),
    70021: (
        t("the app has no federated credential that fits the token"),
        t("Compare issuer, subject and audience of the token with the app's federated credentials."),
    ),
    700023: (t("the signed request names another audience"), t("Check authority_url and tenant_id.")),
    7000112: (t("the app is disabled"), t("Enable the app's service principal in the tenant.")),
    7000229: (
        t("the app has no service principal in this tenant"),
        t("An administrator of the tenant must consent to the app."),
    ),
    90002: (t("the tenant does not exist"), t("Check tenant_id, and whether authority_url is that tenant's cloud.")),
    900023: (t("the tenant id is neither a GUID nor a domain name"), t("Check tenant_id.")),
    900021: (t("the tenant id is not one"), t("Check tenant_id.")),
    53003: (
        t("Conditional Access blocks this sign-in"),
        t("Ask who keeps the tenant's Conditional Access policies; the sign-in log names the one that blocks."),
    ),
    53011: (t("the account is blocked because of its risk"), t("Ask the security team; the sign-in log says more.")),
    530031: (t("a security policy blocks this sign-in"), t("Ask who keeps the tenant's Conditional Access policies.")),
    500011: (
        t("the tenant does not know Microsoft Graph under this address"),
        t("Check graph_url: it must belong to the same cloud as authority_url."),
    ),
    500014: (t("the service principal of Microsoft Graph is disabled"), t("Ask an administrator of the tenant.")),
    70011: (t("the scope is not valid"), t("Check graph_url.")),
    1002012: (t("the scope is not valid"), t("Check graph_url.")),
    65001: (
        t("nobody has consented to the app's permissions"),
        t("An administrator of the tenant must consent to the app."),
    ),
    50034: (t("the account does not exist"), t("Check client_id and tenant_id.")),
    50059: (t("the tenant is not named in the request"), t("Check tenant_id.")),
    90033: (t("the sign-in service has a temporary problem"), t("Run again later.")),
}
_POLICIES = t("Ask who keeps the tenant's Conditional Access policies; the sign-in log names the one that blocks.")
_ANOTHER_WAY = t(
    "Many tenants block device codes by policy. Ask who keeps the Conditional Access policies, or set sign_in to "
    "certificate."
)
_SIGN_IN_AGAIN = t("Run it again and sign in with the new code.")
_FOR_PEOPLE: dict[int, tuple[Text, Text]] = {
    7000218: (
        t("the app registration does not allow device codes"),
        t("In the app registration, under Authentication, allow public client flows."),
    ),
    700016: _REASONS[700016],
    53003: (t("Conditional Access blocks this sign-in, or device codes as such"), _ANOTHER_WAY),
    530032: (t("a security policy blocks this sign-in, or device codes as such"), _ANOTHER_WAY),
    530036: (t("Conditional Access blocks device codes"), _ANOTHER_WAY),
    50199: (
        t("the service wanted the person to confirm that this sign-in is meant"),
        t("Run it again, type the code yourself and confirm the question about the app."),
    ),
    50076: (
        t("a second factor is demanded"),
        t("Run it again and complete the second factor where the code is typed."),
    ),
    50079: (t("the account has to register a second factor first"), t("Register one at https://aka.ms/mfasetup.")),
    50074: (t("a second factor was not completed"), t("Run it again and complete it where the code is typed.")),
    50072: (t("the account has to register a second factor first"), t("Register one at https://aka.ms/mfasetup.")),
    50158: (
        t("another provider's check was not completed"),
        t("Run it again and complete it where the code is typed."),
    ),
    50105: (
        t("the account is not assigned to the app"),
        t("Assign the account to the app under Enterprise applications, Users and groups."),
    ),
    65001: (
        t("nobody has consented to the app's permissions"),
        t("An administrator of the tenant must consent to the app."),
    ),
    65004: (
        t("the person declined to consent to the app"),
        t("An administrator of the tenant can consent for everybody."),
    ),
    90094: (
        t("an administrator has to consent to the app"),
        t("An administrator of the tenant must consent to the app."),
    ),
    50020: (
        t("the account belongs to another tenant"),
        t("Sign in with an account of the tenant that tenant_id names."),
    ),
    50034: (
        t("the account does not exist in this tenant"),
        t("Sign in with an account of the tenant that tenant_id names."),
    ),
    50053: (t("the account is locked, or the address it comes from is blocked"), t("Wait, or ask the help desk.")),
    50055: (t("the password of the account has expired"), t("Change it, then run again.")),
    50057: (t("the account is disabled"), t("Sign in with another account.")),
    50126: (t("user name or password is wrong"), _SIGN_IN_AGAIN),
    50097: (t("the device has to prove that it is managed"), _POLICIES),
    53000: (t("the device is not compliant"), t("Type the code on a managed device, or ask who keeps the policies.")),
    53001: (
        t("the device is not joined to the domain"),
        t("Type the code on a managed device, or ask who keeps the policies."),
    ),
    53002: (t("the app is not an approved one"), _POLICIES),
    53011: _REASONS[53011],
    50173: (t("the sign-in that was kept has been revoked, for example by a new password"), _SIGN_IN_AGAIN),
    70008: (t("the sign-in that was kept has expired"), _SIGN_IN_AGAIN),
    70043: (t("the sign-in that was kept has expired by policy"), _SIGN_IN_AGAIN),
    700082: (t("the sign-in that was kept has expired"), _SIGN_IN_AGAIN),
    70016: (t("the code was not typed yet"), _SIGN_IN_AGAIN),
    70018: (t("the code is not one that the service gave"), _SIGN_IN_AGAIN),
    70019: (t("the code has expired"), _SIGN_IN_AGAIN),
    70020: (t("the code has expired"), _SIGN_IN_AGAIN),
}
"""What differs, or can only happen, where a person signs in."""


def sign_in_refused(
    answer: Mapping[str, object],
    *,
    who: Text,
    secrets: tuple[str, ...],
    values: Mapping[str, object],
    person: bool = False,
) -> NoAccess:
    """The error for a refusal of the sign-in service.

    Args:
        answer: Its JSON: ``error``, ``error_description``, ``trace_id``, ``correlation_id``.
        who: The app and tenant, and how it signed in, in words.
        secrets: Texts that must not be quoted even if the service does.
        values: Further facts.
        person: Whether a person signed in, not the app itself.
    """
    description = str(answer.get("error_description") or "")
    number = refusal_number_of(answer)
    table = {**_REASONS, **_FOR_PEOPLE} if person else _REASONS
    reason, hint = table.get(number, (NOTHING, NOTHING)) if number else (NOTHING, NOTHING)
    said = scrubbed(_TRAILER.sub("", description) or str(answer.get("error") or ""), secrets, limit=300)
    reason = reason or t("the service gave the reason below")
    message = (
        t("Sign-in was refused (AADSTS{number}): {reason}. {who}.", number=number, reason=reason, who=who)
        if number
        else t("Sign-in was refused: {reason}. {who}.", reason=reason, who=who)
    )
    if said:
        message = message + t(" The service says: {said}", said=said)
    facts: dict[str, object] = {**values, "aadsts": number, "error": scrubbed(str(answer.get("error") or ""), secrets)}
    for key in ("trace_id", "correlation_id", "suberror"):
        if isinstance(answer.get(key), str):
            facts[key] = scrubbed(str(answer[key]), secrets, limit=80)
    return NoAccess(
        message,
        code="sign-in-refused",
        hint=hint or t("Look up the number in the Microsoft Entra sign-in log of the app."),
        values=facts,
    )


def refusal_number_of(answer: Mapping[str, object]) -> int | None:
    """The AADSTS number of a refusal, from its text or its list of codes."""
    match = _NUMBER.search(str(answer.get("error_description") or ""))
    if match:
        return int(match.group(1))
    codes = answer.get("error_codes")
    first = codes[0] if isinstance(codes, list) and codes else None
    return first if isinstance(first, int) and not isinstance(first, bool) else None
