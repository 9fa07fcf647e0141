"""Sealing by what a record itself says: its secrets and its signing key are those that the run was told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from runbook_lib.errors import RunbookError
from runbook_lib.files import RECORD
from runbook_lib.model.text import Progress
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.index import build_index
from runbook_lib.record.seal import Sealed, seal
from runbook_lib.secrets.redact import known_secrets, variable_secrets
from runbook_lib.secrets.reference import SecretStores
from runbook_lib.secrets.referenced import with_references
from runbook_lib.signing.from_parameters import signing_of
from runbook_lib.signing.signature import Signing

_OF_SIGNING = ("signing_key", "time_stamp_url", "time_stamp_ca_file")


def seal_by_record(
    folder: RecordFolder,
    notebook: Path | None,
    *,
    root: Path,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    progress: Progress | None = None,
) -> Sealed:
    """Seal a record whose run is not at hand any more, and renew the list of all.

    Args:
        folder: The run's folder.
        notebook: The executed notebook, whose outputs have to be of this run; None: they are gone.
        root: Folder of the project, which relative paths in parameters start from.
        environment: Environment variables; secrets in them are found by value.
        clock: Now, with a time zone.
        progress: Told how many runs were read for the list.

    Raises:
        RunbookError: As ``seal``; or the signing key cannot be used.
    """
    sealed = seal(
        folder,
        notebook,
        clock=clock,
        known_secrets=_secrets_of(folder, root, environment),
        prove_run=notebook is not None,
        signing=_signing_of(folder, root),
    )
    build_index(folder.change_folder.parent, progress)
    return sealed


def _secrets_of(folder: RecordFolder, root: Path, environment: Mapping[str, str]) -> list[str]:
    """Secrets of the run that this process can see, so that sealing finds them by value."""
    with contextlib.suppress(RunbookError):
        values = folder.read_json(RECORD).get("parameters")
        parameters = parameters_from_values(values if isinstance(values, dict) else {}, source=RECORD)
        # Without key vaults: sealing goes on where there is no network.
        return known_secrets(parameters, root, with_references(parameters, SecretStores(environment, root)))
    return variable_secrets(environment)


def _signing_of(folder: RecordFolder, root: Path) -> Signing | None:
    """What signs the record, as its run was told."""
    try:
        values = folder.read_json(RECORD).get("parameters")
        told = {name: values[name] for name in _OF_SIGNING if name in values} if isinstance(values, dict) else {}
        parameters = parameters_from_values(told, source=RECORD)
    except RunbookError:
        return None
    return signing_of(parameters, root)
