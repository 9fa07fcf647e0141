"""Refusals of the token service.

Numbers and wording follow "Microsoft Entra authentication and authorization error codes".
"""

from __future__ import annotations


class SignInError(Exception):
    """A refusal as Microsoft Entra ID words it.

    Args:
        number: AADSTS number.
        error: OAuth error code (RFC 6749, section 5.2, and RFC 8628, section 3.5).
        text: Description without the AADSTS prefix.
        status: HTTP status.
        suberror: Microsoft's finer code beside ``error``; empty for none.
        claims: JSON text that the next request has to repeat as ``claims``; empty for none.
    """

    def __init__(
        self, number: int, error: str, text: str, *, status: int = 400, suberror: str = "", claims: str = ""
    ) -> None:
        super().__init__(f"AADSTS{number}: {text}")
        self.number = number
        self.error = error
        self.status = status
        self.suberror = suberror
        self.claims = claims


def missing(parameter: str) -> SignInError:
    """A form without a parameter that it needs."""
    return SignInError(
        900144, "invalid_request", f"The request body must contain the following parameter: '{parameter}'."
    )


def malformed() -> SignInError:
    """A grant that this service never made."""
    return SignInError(9002313, "invalid_grant", "Invalid request. Request is malformed or invalid.")


def unknown_tenant(tenant: str, *, token_request: bool = True) -> SignInError:
    """A tenant that is not ours."""
    text = (
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant."
    )
    return SignInError(90002, "invalid_request" if token_request else "invalid_tenant", text)


def unknown_application(client_id: str) -> SignInError:
    """A client id without a registration."""
    return SignInError(
        700016,
        "unauthorized_client",
        f"Application with identifier '{client_id}' was not found in the directory 'Contoso'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
    )


def not_multi_tenant(client_id: str, name: str, tenant: str) -> SignInError:
    """``/common`` or ``/organizations`` for an application of one tenant."""
    return SignInError(
        50194,
        "invalid_request",
        f"Application '{client_id}'({name}) is not configured as a multi-tenant application. Usage of the /{tenant} "
        "endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or "
        "configure the application to be multi-tenant.",
    )


def disabled_application(client_id: str, name: str) -> SignInError:
    """An application whose service principal an administrator disabled."""
    return SignInError(7000112, "unauthorized_client", f"Application '{client_id}'({name}) is disabled.", status=400)


def no_consent(client_id: str, name: str) -> SignInError:
    """Delegated permissions that nobody consented to."""
    return SignInError(
        65001,
        "invalid_grant",
        f"The user or administrator has not consented to use the application with ID '{client_id}' named '{name}'. "
        "Send an interactive authorization request for this user and resource.",
        suberror="consent_required",
    )


def blocked(policy_id: str) -> SignInError:
    """Conditional Access says no."""
    return SignInError(
        53003,
        "invalid_grant",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        suberror="message_only",
        claims=f'{{"access_token":{{"capolids":{{"essential":true,"values":["{policy_id}"]}}}}}}',
    )


def user_disabled() -> SignInError:
    """An account that may not sign in."""
    return SignInError(50057, "invalid_grant", "The user account is disabled.")


def user_gone() -> SignInError:
    """A grant of a user who no longer exists."""
    return SignInError(
        50034, "invalid_grant", "The user account does not exist in the Contoso directory. To sign into this "
        "application, the account must be added to the directory."
    )  # fmt: skip


def assertion_refused(number: int, text: str) -> SignInError:
    """A client assertion that does not prove what it should."""
    return SignInError(number, "invalid_client", text, status=401)
