"""What a question is, and what is known so far: values that both the terminal and the form in a notebook go by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.sign_in.certificates import TlsLook
from runbook_lib.errors import RunbookError
from runbook_lib.graph.tenant.jobs import CloudSyncJob
from runbook_lib.model.text import NOTHING, Text
from runbook_lib.parameters.model import Parameters
from runbook_lib.setup.certificate import AppCertificate
from runbook_lib.setup.tenant import KnownTenant


@dataclass(frozen=True, slots=True)
class OfferedAnswer:
    """One answer that is offered.

    Attributes:
        value: What is answered.
        title: What it means, for people; empty: the value says it.
    """

    value: str
    title: Text = NOTHING


@dataclass(frozen=True, slots=True)
class SetupQuestion:
    """One question.

    Attributes:
        key: Name of its answer, in the file of answers too.
        title: The question.
        explanation: What it is for and where to look, or empty.
        offered: Answers to choose from.
        only_offered: Whether no other answer is taken.
        default: What an empty answer means; empty: an answer is needed, unless ``optional``.
        optional: Whether an empty answer is one.
        secret: Whether the answer is a secret: shown and kept nowhere.
    """

    key: str
    title: Text
    explanation: Text = NOTHING
    offered: tuple[OfferedAnswer, ...] = ()
    only_offered: bool = False
    default: str = ""
    optional: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class LinesToCopy:
    """Lines that somebody else runs, or a person clicks through."""

    title: Text
    lines: str


ToShow = Text | LinesToCopy
"""What a step has to say."""


class Surroundings(Protocol):
    """What steps ask and change outside of themselves; ``world.py`` is the real one."""

    folder: Path
    """Where files of the set-up are kept."""
    root: Path
    """What relative paths resolve against."""

    def find_tenant(self, text: str, parameters: Parameters) -> KnownTenant:
        """The tenant of a domain name or id."""

    def app_certificate(self, key_file: Path) -> AppCertificate:
        """The app's certificate, made where it is missing."""

    def sign_in(self, parameters: Parameters) -> Text:
        """Sign the app in and say who answered."""

    def find_controllers(self, domain: str, parameters: Parameters) -> tuple[str, ...]:
        """Host names of the domain's controllers."""

    def look_at_tls(self, parameters: Parameters) -> TlsLook:
        """The certificates of the controller."""

    def require_trusted(self, parameters: Parameters, ca_file: Path) -> None:
        """Insist that the controller is trusted with this file."""

    def keep(self, name: str, content: bytes, *, private: bool = False) -> Path:
        """Write a file of the folder."""

    def tentative(self, path: Path, content: bytes) -> AbstractContextManager[None]:
        """A file for its owner alone, which stays only if the block ends well."""

    def directory(self, parameters: Parameters) -> Directory:
        """A connection to AD; the same one for the same parameters."""

    def cloud_sync_jobs(self, parameters: Parameters) -> tuple[CloudSyncJob, ...] | RunbookError:
        """Every job of Cloud Sync, read once; or why the app does not see them."""

    def evidence(self, parameters: Parameters) -> ConnectEvidence | None:
        """Evidence of the Connect server, where the parameters name some."""


@dataclass(frozen=True, slots=True)
class SetupState:
    """What is known so far.

    Attributes:
        parameters: What the two files will hold, by name.
        given: Names that were given beforehand: nobody is asked for them.
        tenant: The tenant, once it is found.
        domain: The AD domain, once it is named.
        hosts: Its controllers, as DNS names them.
        look: The certificates of the chosen one.
        certificate: The app's.
        ous: DNs of the domain's OUs.
        password_wanted: Whether a password has to be typed, because its file is not there.
        signed_in: Whether the app has signed in here.
        pre_flight: Whether the pre-flight is to be run afterwards.
    """

    parameters: Mapping[str, object] = field(default_factory=dict[str, object])
    given: frozenset[str] = frozenset()
    tenant: KnownTenant | None = None
    domain: str = ""
    hosts: tuple[str, ...] = ()
    look: TlsLook | None = None
    certificate: AppCertificate | None = None
    ous: tuple[str, ...] | None = None
    password_wanted: bool = False
    signed_in: bool = False
    pre_flight: bool = False

    def text(self, name: str) -> str:
        """A parameter of the two files as text; its default where it has no value yet."""
        return str(self.parameters.get(name) or Parameters.model_fields[name].default)

    def with_parameters(self, **values: object) -> SetupState:
        """The same with these parameters."""
        return replace(self, parameters={**self.parameters, **values})


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer that was taken: what is known now, and what is to be shown."""

    state: SetupState
    shown: tuple[ToShow, ...] = ()


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step: whether and what it asks, and what becomes of an answer.

    Attributes:
        key: As its question's.
        ask: The question; None where nothing is to be asked.
        take: Checks an answer; raises a ``RunbookError`` with one clear message where it cannot be taken.
        secret: Whether its answer is a secret, which no file of answers may hold.
    """

    key: str
    ask: Callable[[SetupState, Surroundings], SetupQuestion | None]
    take: Callable[[str, SetupState, Surroundings], Taken]
    secret: bool = False
