"""Where readings of a tenant are kept, as the parameter ``keep_cloud_reading`` says."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msal_extensions
from msal_extensions.persistence import PersistenceNotFound

from runbook_lib.graph.kept.reader import InMemory, ReadingKeeper
from runbook_lib.graph.kept.stored import KeptBetweenRuns
from runbook_lib.graph.sign_in.cache import StoreUnusable, cache_folder, encrypted_store, why_unusable
from runbook_lib.parameters.model import Parameters
from runbook_lib.reading_file import KEY_BYTES, NotKept, ReadingFile


def place_of(parameters: Parameters, environment: Mapping[str, str]) -> ReadingKeeper | None:
    """Where this run keeps what it read: nowhere, in memory, or in a file of this account's for later runs too.

    Args:
        parameters: Of the run; the tenant's and the app's id are GUIDs.
        environment: Says where this account's folder is.
    """
    if parameters.keep_cloud_reading == "none":
        return None
    if parameters.keep_cloud_reading == "run":
        return InMemory()
    folder = cache_folder(environment)
    name = f"{parameters.tenant_id.lower()}.{parameters.client_id.lower()}"
    key = partial(account_key, folder, name) if parameters.keep_cloud_reading == "encrypted" else None
    return KeptBetweenRuns(kept_file(folder, name, key))


def kept_file(folder: Path, name: str, key: Callable[[], bytes] | None) -> ReadingFile:
    """The file of one tenant and app, one for either way to keep it: what was plain is replaced by what is sealed."""
    return ReadingFile(folder / f"{name}.cloud-reading.sqlite", key)


def account_key(
    folder: Path,
    name: str,
    *,
    encrypted: Callable[[str], Any] = msal_extensions.build_encrypted_persistence,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """The key of this account's readings, kept where the operating system keeps the sign-in; made where there is none.

    Raises:
        NotKept: The operating system keeps none.
    """
    try:
        store = encrypted_store(folder, f"{name}.reading-key", encrypted)
    except StoreUnusable as error:
        raise NotKept(error.why) from None
    try:
        key = _read(store)
        if key is None:
            key = random(KEY_BYTES)
            store.save(base64.b64encode(key).decode())
    except Exception as error:  # noqa: BLE001 - three systems' libraries raise what they like; each means the same
        raise NotKept(why_unusable(error)) from None
    return key


def _read(store: Any) -> bytes | None:
    """The key in the store; None where it holds none."""
    try:
        text = store.load()
    except PersistenceNotFound:
        return None
    try:
        key = base64.b64decode(str(text), validate=True)
    except binascii.Error:
        return None
    return key if len(key) == KEY_BYTES else None
