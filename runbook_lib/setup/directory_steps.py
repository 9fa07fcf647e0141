"""Steps of AD's side: domain, controller, its CA, the account, the two OUs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from runbook_lib.directory.sign_in.certificates import shown_fingerprint
from runbook_lib.directory.two_ous import read_place
from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.model.dn import MalformedDnError, normalize_dn
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t, verbatim
from runbook_lib.parameters.connections import require_dn
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import resolve
from runbook_lib.secrets.sources import impossible
from runbook_lib.setup.files import parameters_so_far, written_path
from runbook_lib.setup.places import cloud_sync_remarks, list_ous, remarks, require_place
from runbook_lib.setup.questions import (
    OfferedAnswer,
    SetupQuestion,
    SetupState,
    SetupStep,
    Surroundings,
    Taken,
)

CA_FILE, PASSWORD_FILE = "dc-ca.pem", "bind-password.txt"


def _ask_domain(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if "dc_host" in state.given:
        return None
    return SetupQuestion(
        "domain",
        t("DNS name of the AD domain"),
        t("Its domain controllers are looked up in DNS (SRV records)."),
        default="" if state.domain.endswith(".onmicrosoft.com") else state.domain,
    )


def _take_domain(text: str, state: SetupState, around: Surroundings) -> Taken:
    hosts = around.find_controllers(text, parameters_so_far(state))
    count = len(hosts)
    shown = t("1 domain controller found.") if count == 1 else t("{count} domain controllers found.", count=count)
    return Taken(replace(state, domain=text.strip().lower(), hosts=hosts), (shown,))


def _ask_host(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if "dc_host" in state.given:
        return None
    return SetupQuestion(
        "dc_host",
        t("Domain controller that everything is read from and written to"),
        t("A writable one, near this machine. LDAPS is looked at now."),
        tuple(OfferedAnswer(host) for host in state.hosts),
        default=state.hosts[0] if state.hosts else "",
    )


def _take_host(text: str, state: SetupState, around: Surroundings) -> Taken:
    named = state.with_parameters(dc_host=text)
    if "dc_ca_file" in state.given or state.text("dc_security") == "starttls":
        return Taken(named)  # what TLS says is seen when the account signs in
    look = around.look_at_tls(parameters_so_far(named))
    shown = [
        t("LDAPS answers. Its certificate is for {names}, until {ends}.", names=", ".join(look.names), ends=look.ends)
    ]
    if look.trusted:
        shown.append(t("This machine trusts it: no CA file is needed."))
    return Taken(replace(named, look=look), tuple(shown))


def _ask_ca(state: SetupState, around: Surroundings) -> SetupQuestion | None:
    if "dc_ca_file" in state.given or (state.look and state.look.trusted):
        return None
    if state.look is None and "dc_host" in state.given:
        state = _take_host(state.text("dc_host"), state, around).state
        if state.look is None or state.look.trusted:
            return None
    roots = state.look.roots if state.look else ()
    return SetupQuestion(
        "dc_ca",
        t("Which CA issues the domain controllers' certificates?"),
        t(
            "This machine does not trust the certificate ({why}). Compare the fingerprint with that of your CA, then "
            "choose it: it is kept in {file}. Or name a PEM file with the root certificate.",
            why=state.look.why if state.look else NOTHING,
            file=written_path(around.folder / CA_FILE, around.root),
        )
        if roots
        else t(
            "The domain controller does not send its root certificate. Name a PEM file with it; on a machine of the "
            "domain: certutil -ca.cert ca.cer, then certutil -encode ca.cer ca.pem."
        ),
        tuple(
            OfferedAnswer(
                root.sha256,
                t(
                    "{name}, until {ends}, SHA-256 {fingerprint}",
                    name=root.name,
                    ends=root.ends,
                    fingerprint=shown_fingerprint(root.sha256),
                ),
            )
            for root in roots
        ),
    )


def _take_ca(text: str, state: SetupState, around: Surroundings) -> Taken:
    look = state.look or around.look_at_tls(parameters_so_far(state))
    wanted = text.replace(":", "").replace(" ", "").upper()
    root = next((one for one in look.roots if one.sha256 == wanted), None)
    if root is None:
        if len(wanted) == 64 and not set(wanted) - set("0123456789ABCDEF"):
            raise UsageError(
                t("The domain controller showed no CA with that fingerprint."),
                code="ca-fingerprint",
                hint=t("Compare it again; another one may answer in its place. Nothing was sent to it."),
            )
        file = resolve(text, around.root)
    else:
        file = around.keep(CA_FILE, root.pem.encode("ascii"))
    around.require_trusted(parameters_so_far(state), file)
    return Taken(
        replace(state, look=look).with_parameters(dc_ca_file=written_path(file, around.root)),
        (t("Trusted with {file}.", file=file),),
    )


def _by_password(state: SetupState) -> bool:
    return state.text("bind_method") == "password"


def _ask_user(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if "bind_user" in state.given or not _by_password(state):
        return None
    domain = state.domain if "." in state.domain else ""
    return SetupQuestion(
        "bind_user",
        t("Account that reads and writes AD, as user principal name"),
        t("An account of its own with rights on the two OUs alone (docs/permissions.md); never an administrator."),
        default=f"svc-gwb@{domain}" if domain else "",
    )


def _take_user(text: str, state: SetupState, _: Surroundings) -> Taken:
    if "=" not in text and ("@" not in text or "\\" in text):
        raise UsageError(
            t("That is no user principal name."),
            code="malformed-principal",
            hint=t("Write name@domain, for example svc-gwb@contoso.com, not DOMAIN\\name."),
        )
    return Taken(state.with_parameters(bind_user=text))


def _ask_password_file(state: SetupState, around: Surroundings) -> SetupQuestion | None:
    if {"bind_password_file", "bind_password_from"} & state.given or not _by_password(state):
        return None
    return SetupQuestion(
        "bind_password_file",
        t("File with that account's password"),
        t("One line, readable by this account alone. Where it is not there the password is asked for and kept in it."),
        default=written_path(around.folder / PASSWORD_FILE, around.root),
    )


def _take_password_file(text: str, state: SetupState, around: Surroundings) -> Taken:
    file = resolve(text, around.root)
    named = state.with_parameters(bind_password_file=written_path(file, around.root))
    if not file.exists():
        return Taken(replace(named, password_wanted=True))
    return _bound(named, around)


def _ask_password(state: SetupState, _: Surroundings) -> SetupQuestion | None:
    if not state.password_wanted:
        return None
    return SetupQuestion(
        "bind_password",
        t("Password of {user}", user=verbatim(state.text("bind_user"))),
        t(
            "It is not shown, and kept in {file} alone. Unattended, write that file beforehand.",
            file=verbatim(state.text("bind_password_file")),
        ),
        secret=True,
    )


def _take_password(text: str, state: SetupState, around: Surroundings) -> Taken:
    if why := impossible(text):
        raise UsageError(t("What was typed {why}.", why=why), code="malformed-password", hint=t("Type it anew."))
    file = resolve(state.text("bind_password_file"), around.root)
    with around.tentative(file, text.encode("utf-8")):
        return _bound(replace(state, password_wanted=False), around)


def _bound(state: SetupState, around: Surroundings) -> Taken:
    """Sign in with what was answered, and list the OUs."""
    directory = around.directory(parameters_so_far(state))
    controller = directory.controller
    ous = list_ous(directory)
    shown = t(
        "Signed in to {host}, domain {domain}. {count} OUs to choose from.",
        host=verbatim(controller.dns_host_name or controller.host),
        domain=verbatim(controller.domain_dns_name),
        count=len(ous),
    )
    return Taken(replace(state, ous=ous), (shown,))


def _ou_question(key: str, title: Text, explanation: Text, state: SetupState, around: Surroundings) -> SetupQuestion:
    if state.ous is None:
        state = _bound(state, around).state
    other = normalize_dn(state.text("target_ou")) if key == "retired_ou" else ""
    offered = tuple(OfferedAnswer(dn) for dn in state.ous or () if normalize_dn(dn) != other)
    return SetupQuestion(key, title, explanation, offered)


def _ask_target(state: SetupState, around: Surroundings) -> SetupQuestion | None:
    if "target_ou" in state.given:
        return None
    connect = state.text("route") == Route.CONNECT_SYNC.value
    return _ou_question(
        "target_ou",
        t("OU of written groups"),
        t("The OU that was chosen in the wizard of Connect Sync.")
        if connect
        else t("For this runbook alone, outside every scope of Connect Sync and Cloud Sync. Type a part of its name."),
        state,
        around,
    )


def _ask_retired(state: SetupState, around: Surroundings) -> SetupQuestion | None:
    if "retired_ou" in state.given:
        return None
    return _ou_question(
        "retired_ou",
        t("OU of retired groups"),
        t("Groups that are disabled move there with their SIDs. It holds nothing else."),
        state,
        around,
    )


def _take_ou(key: str, text: str, state: SetupState, around: Surroundings) -> Taken:
    try:
        require_dn(text)
    except MalformedDnError as error:
        raise UsageError(
            t("That is not a distinguished name: {error}", error=error.reason),
            code="malformed-dn",
            hint=t("Write for example OU=Cloud Groups,DC=contoso,DC=com, or choose one of the list."),
        ) from None
    if key == "retired_ou" and normalize_dn(text) == normalize_dn(state.text("target_ou")):
        raise UsageError(
            t("That is the OU of written groups."), code="same-ou", hint=t("Retired groups need one of their own.")
        )
    parameters = parameters_so_far(state)
    place = read_place(around.directory(parameters), text, "")
    require_place(place, key)
    other_writer = state.text("route") != Route.DIRECT.value and key == "target_ou"
    found = [*remarks(place, around.evidence(parameters), state.text("tenant_id"), other_writer=other_writer)]
    if state.signed_in and not other_writer:
        found += _of_cloud_sync(place.target.dn, parameters, around)
    notes = tuple(t("Note: {remark}", remark=remark) for remark in found)
    return Taken(state.with_parameters(**{key: place.target.dn}), notes)


def _of_cloud_sync(dn: str, parameters: Parameters, around: Surroundings) -> Iterator[Text]:
    """What Cloud Sync's jobs say of the OU, or that they cannot be read."""
    jobs = around.cloud_sync_jobs(parameters)
    if isinstance(jobs, RunbookError):
        yield t("Whether {dn} is in the scope of Cloud Sync could not be read: {why}", dn=dn, why=jobs.message)
        return
    yield from cloud_sync_remarks(dn, jobs, around.directory(parameters).controller.domain_dns_name)


DIRECTORY_STEPS = (
    SetupStep("domain", _ask_domain, _take_domain),
    SetupStep("dc_host", _ask_host, _take_host),
    SetupStep("dc_ca", _ask_ca, _take_ca),
    SetupStep("bind_user", _ask_user, _take_user),
    SetupStep("bind_password_file", _ask_password_file, _take_password_file),
    SetupStep("bind_password", _ask_password, _take_password, secret=True),
    SetupStep("target_ou", _ask_target, lambda text, state, around: _take_ou("target_ou", text, state, around)),
    SetupStep("retired_ou", _ask_retired, lambda text, state, around: _take_ou("retired_ou", text, state, around)),
)
