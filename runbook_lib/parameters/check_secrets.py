"""Secrets by reference: what can be wrong with where a parameter says that one is. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.model.text import Text, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import REFERENCES
from runbook_lib.parameters.problems import Complaint
from runbook_lib.secrets.reference import REFERENCE_HINT, MalformedReference, parse_reference


def secret_references(parameters: Parameters) -> Iterator[Complaint]:
    """References that are none, that nothing uses, or that stand beside another way to the same secret."""
    unused = {
        "client_secret_from": ("sign_in", "secret"),
        "certificate_password_from": ("sign_in", "certificate"),
        "bind_password_from": ("bind_method", "password"),
    }
    for name in REFERENCES:
        text = getattr(parameters, name)
        if not text:
            continue
        beside, wanted = unused[name]
        try:
            parse_reference(text)
        except MalformedReference as error:
            yield _complaint(name, error.why, REFERENCE_HINT)
            continue
        if getattr(parameters, beside) != wanted:
            yield _complaint(
                name,
                t("is of no use: {beside} is {value}", beside=beside, value=getattr(parameters, beside)),
                t("Leave it out, or set {beside} to {wanted}.", beside=beside, wanted=wanted),
                beside,
            )
    if parameters.bind_password_from and parameters.bind_password_file:
        yield _complaint(
            "bind_password_from",
            t("is given beside bind_password_file, and only one can be meant"),
            t("Leave one of the two out."),
            "bind_password_file",
        )


def _complaint(name: str, what: Text, hint: Text, *beside: str) -> Complaint:
    return Complaint((name,), what, "secret-reference", hint, beside=beside)
