"""Steps of the cloud's side: tenant, what the groups are for, certificate, app registration, sign-in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.model.ids import is_guid, lower_guid
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.parameters.connections import clouds
from runbook_lib.parameters.paths import resolve
from runbook_lib.setup.files import parameters_so_far, written_path
from runbook_lib.setup.purpose import PURPOSES, purpose_of
from runbook_lib.setup.questions import (
    LinesToCopy,
    OfferedAnswer,
    SetupQuestion,
    SetupState,
    SetupStep,
    Surroundings,
    Taken,
    ToShow,
)
from runbook_lib.setup.registration import (
    RegisterWithAzureCli,
    RegisterWithPowerShell,
    asked_permissions,
    portal_clicks,
)

NOW, LATER = "now", "later"


def _ask_tenant(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if "tenant_id" in state.given:
        return None
    return SetupQuestion(
        "tenant",
        t("Tenant: one of its domain names, or its id"),
        t("For example contoso.com. Nobody signs in for this."),
    )


def _take_tenant(text: str, state: SetupState, around: Surroundings) -> Taken:
    tenant = around.find_tenant(text, parameters_so_far(state))
    cloud = {"cloud": tenant.cloud} if tenant.cloud and "cloud" not in state.given else {}
    found = replace(state, tenant=tenant).with_parameters(tenant_id=tenant.tenant_id, **cloud)
    if not is_guid(text.strip()):
        found = replace(found, domain=text.strip().lower())
    shown: list[ToShow] = [t("Tenant id: {tenant}", tenant=tenant.tenant_id)]
    if tenant.cloud:
        title = next(cloud.title for cloud in clouds() if cloud.name == tenant.cloud)
        shown.append(t("Cloud: {title}", title=title))
    return Taken(found, tuple(shown))


def _ask_cloud(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if not {"cloud", "graph_url"}.isdisjoint(state.given) or state.parameters.get("cloud"):
        return None
    return SetupQuestion(
        "cloud",
        t("Which of Microsoft's clouds is the tenant in?"),
        t("The answer of sign-in names none that is known here."),
        tuple(OfferedAnswer(cloud.name, cloud.title) for cloud in clouds()),
        only_offered=True,
    )


def _take_cloud(text: str, state: SetupState, _: Surroundings) -> Taken:
    return Taken(state.with_parameters(cloud=text))


def _ask_purpose(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if "route" in state.given:
        return None
    return SetupQuestion(
        "purpose",
        t("What are the groups for?"),
        t("The answer decides who writes them and of which type they are; another change may have another one."),
        tuple(OfferedAnswer(one.name, one.title) for one in PURPOSES),
        only_offered=True,
    )


def _take_purpose(text: str, state: SetupState, _: Surroundings) -> Taken:
    purpose = purpose_of(text)
    if purpose is None:
        raise ValueError(text)  # only_offered let it through
    kept = {name: value for name, value in purpose.parameters.items() if name not in state.given}
    return Taken(state.with_parameters(**kept), (purpose.follows,))


def _ask_key_file(state: SetupState, around: Surroundings) -> SetupQuestion | None:
    if "certificate_file" in state.given or state.text("sign_in") != "certificate":
        return None
    return SetupQuestion(
        "key_file",
        t("File for the app's private key and certificate"),
        t(
            "Made where it is not there, readable by this account alone; a file that is there is used as it is. The "
            "account that runs the notebooks has to be able to read it."
        ),
        default=written_path(around.folder / "client.pem", around.root),
    )


def _take_key_file(text: str, state: SetupState, around: Surroundings) -> Taken:
    found = around.app_certificate(resolve(text, around.root))
    shown: list[ToShow] = [
        *_made(found.key_file, made=found.made),
        t(
            "Certificate to upload: {file}, thumbprint {thumbprint}, valid until {ends}.",
            file=found.public_file,
            thumbprint=found.thumbprint,
            ends=to_the_minute(found.ends),
        ),
    ]
    changed = replace(state, certificate=found).with_parameters(
        certificate_file=written_path(found.key_file, around.root)
    )
    return Taken(changed, (*shown, *_registration(changed)))


def _made(file: Path, *, made: bool) -> Iterator[Text]:
    if not made:
        yield t("Taken as it is: {file}", file=file)
        return
    yield t("Made: {file}. Whoever has this file signs in as the app: no copy, no mail, no repository.", file=file)
    if os.name == "nt":
        yield t(
            'Windows: the folder\'s access list decides who reads it. For this account alone: icacls "{folder}" '
            '/inheritance:r /grant:r "%USERNAME%:(OI)(CI)F"',
            folder=file.parent,
        )


def _registration(state: SetupState) -> tuple[ToShow, ...]:
    if state.certificate is None:
        return ()
    permissions = asked_permissions(Route(state.text("route")))
    tenant, public = state.text("tenant_id"), str(state.certificate.public_file)
    clicks = portal_clicks(tenant, public, state.certificate.thumbprint, permissions)
    names = tuple(one.name for one in permissions)
    return (
        LinesToCopy(t("App registration in the Entra admin center"), "\n".join(clicks) + "\n"),
        *(
            LinesToCopy(t("The same with {where}", where=kind.where), kind(tenant, public, names).text())
            for kind in (RegisterWithAzureCli, RegisterWithPowerShell)
        ),
    )


def _ask_client_id(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if "client_id" in state.given or state.text("sign_in") == "managed-identity":
        return None  # a managed identity has no app registration; the system-assigned one needs no name
    return SetupQuestion(
        "client_id",
        t("Application (client) id of the app registration"),
        t("A GUID, on its overview page. To wait for whoever makes it, stop here: answers are kept."),
    )


def _take_client_id(text: str, state: SetupState, _: Surroundings) -> Taken:
    if not is_guid(text.strip()):
        raise UsageError(
            t("That is not a GUID."),
            code="malformed-guid",
            hint=t("Copy the application (client) id, 8-4-4-4-12 hexadecimal digits, not the name."),
        )
    if lower_guid(text.strip()) == state.text("tenant_id"):
        raise UsageError(
            t("That is the id of the tenant."),
            code="client-is-tenant",
            hint=t("Copy the application (client) id of the app registration."),
        )
    return Taken(state.with_parameters(client_id=lower_guid(text.strip())))


_TAKES = {
    "certificate": t("It takes the uploaded certificate and the consent, and a minute or two after both."),
    "secret": t("It takes the client secret and the consent, and a minute or two after both."),
    "managed-identity": t("It takes this computer's identity; the pre-flight says which permissions it lacks."),
    "workload-identity": t("It takes the token's file, the app's federated credential and the consent."),
}
"""What signing in needs, by the parameter ``sign_in``."""


def _ask_sign_in(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if state.text("sign_in") == "device-code":
        return None  # a person signs in when a notebook runs
    return SetupQuestion(
        "sign_in_now",
        t("Try to sign in as the app?"),
        _TAKES.get(state.text("sign_in"), NOTHING),
        (OfferedAnswer(NOW, t("Now")), OfferedAnswer(LATER, t("Later, with the pre-flight"))),
        only_offered=True,
        default=NOW,
    )


def _take_sign_in(text: str, state: SetupState, around: Surroundings) -> Taken:
    if text == LATER:
        return Taken(state, (t("Not tried."),))
    signed_in = around.sign_in(parameters_so_far(state))
    return Taken(replace(state, signed_in=True), (signed_in,))


CLOUD_STEPS = (
    SetupStep("tenant", _ask_tenant, _take_tenant),
    SetupStep("cloud", _ask_cloud, _take_cloud),
    SetupStep("purpose", _ask_purpose, _take_purpose),
    SetupStep("key_file", _ask_key_file, _take_key_file),
    SetupStep("client_id", _ask_client_id, _take_client_id),
    SetupStep("sign_in_now", _ask_sign_in, _take_sign_in),
)
