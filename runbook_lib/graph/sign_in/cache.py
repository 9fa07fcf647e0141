"""Where the tokens of a person are kept between runs: nowhere, or encrypted by the operating system. Never in clear.

Windows encrypts with DPAPI, macOS in the Keychain, Linux in the keyring behind libsecret, through msal-extensions.
Where that does not work (a server without a keyring, mostly) tokens stay in memory, and a finding says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msal
import msal_extensions

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t

_FOLDER = "group-writeback-runbook"
_BOUGHT_WITH = frozenset({"code", "device_code", "refresh_token"})


def cache_folder(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """This account's folder for the cache: local application data, Application Support, or the XDG state folder."""
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())
    if platform.startswith("win"):
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / _FOLDER
    if platform == "darwin":
        return home / "Library" / "Application Support" / _FOLDER
    state = environment.get("XDG_STATE_HOME", "")
    return (Path(state) if Path(state).is_absolute() else home / ".local" / "state") / _FOLDER


class StoreUnusable(Exception):  # noqa: N818 - no error of a run
    """This computer encrypts nothing for this account; ``why`` is a clause without a full stop."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


def encrypted_store(
    folder: Path, name: str, encrypted: Callable[[str], Any] = msal_extensions.build_encrypted_persistence
) -> Any:
    """A store that the operating system encrypts for this account (``BasePersistence`` of msal-extensions).

    Args:
        folder: Where its file is; made so that only its owner can read it.
        name: Name of that file.
        encrypted: Makes the encrypted store for a path.

    Raises:
        StoreUnusable: There is none, or the folder cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":  # where the account's folder on Windows is, nobody else reads anyway
            folder.chmod(0o700)
        store = encrypted(str(folder / name))
        offers = store.is_encrypted
    except Exception as error:  # noqa: BLE001 - three systems' libraries raise what they like; each means the same
        raise StoreUnusable(why_unusable(error)) from None
    if not offers:
        raise StoreUnusable(t("the store that was offered does not encrypt"))
    return store


class _Discreet:
    """Keeps what a token was bought with from msal's log, which shows the rest of the event at its lowest level."""

    def add(self, event: dict[str, Any], now: float | None = None) -> Any:
        """Take in what the service answered."""
        bought_with = {name: value for name, value in event.get("data", {}).items() if name not in _BOUGHT_WITH}
        return super().add({**event, "data": bought_with}, now=now)  # type: ignore[misc]


class _Memory(_Discreet, msal.TokenCache):  # type: ignore[misc]
    """Tokens in memory. ``trouble`` is why they could not be kept, if they should have been."""

    def __init__(self, trouble: str = "") -> None:
        super().__init__()
        self.trouble = trouble

    def forget(self) -> None:
        """Start anew."""
        self._cache.clear()


class SignInCache:
    """Tokens in memory. One object serves every connection of a run, so that a person signs in once."""

    def __init__(self, tokens: Any = None) -> None:
        self.tokens: Any = tokens if tokens is not None else _Memory()

    @property
    def trouble(self) -> str:
        """Why tokens are not kept though they should be, or empty."""
        return str(self.tokens.trouble)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What a person should know."""
        return (_not_kept(self.trouble),) if self.trouble else ()

    def forget(self) -> bool:
        """Forget every token, also the kept ones; whether there were any."""
        known = bool(list(self.tokens.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)))
        self.tokens.forget()
        return known


def kept_cache(
    folder: Path,
    tenant_id: str,
    client_id: str,
    *,
    encrypted: Callable[[str], Any] = msal_extensions.build_encrypted_persistence,
) -> SignInCache:
    """A cache that the operating system encrypts, one for each tenant and app; in memory where it cannot.

    Args:
        folder: Where its file is; made so that only its owner can read it.
        tenant_id: A GUID.
        client_id: A GUID.
        encrypted: Makes the encrypted store for a path.
    """
    try:
        return SignInCache(_KeptTokens(encrypted_store(folder, f"{tenant_id}.{client_id}.tokens", encrypted)))
    except StoreUnusable as error:
        return SignInCache(_Memory(error.why))


class _KeptTokens(_Discreet, msal_extensions.PersistedTokenCache):  # type: ignore[misc]
    """Tokens in the encrypted store; from its first failure on in memory, because a run should not die of its cache."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.trouble = ""

    def forget(self) -> None:
        """Overwrite what is kept, also what cannot be read any more."""
        self.deserialize("{}")
        try:
            with msal_extensions.CrossPlatLock(self._lock_location):
                if Path(self._persistence.get_location()).exists():
                    self._persistence.save("{}")
            self.trouble = ""
        except Exception as error:  # noqa: BLE001 - as above
            self.trouble = why_unusable(error)

    def modify(self, credential_type: Any, old_entry: Any, new_key_value_pairs: Any = None) -> None:
        if not self.trouble:
            try:
                super().modify(credential_type, old_entry, new_key_value_pairs=new_key_value_pairs)
                return
            except Exception as error:  # noqa: BLE001 - as above
                self.trouble = why_unusable(error)
        msal.SerializableTokenCache.modify(self, credential_type, old_entry, new_key_value_pairs=new_key_value_pairs)

    def search(self, credential_type: Any, **query: Any) -> Any:
        if not self.trouble:
            try:
                return list(super().search(credential_type, **query))
            except Exception as error:  # noqa: BLE001 - as above
                self.trouble = why_unusable(error)
        return msal.SerializableTokenCache.search(self, credential_type, **query)


def why_unusable(error: Exception) -> Text:
    """The kind of error only: its text could quote what was to be kept."""
    return t("this computer's encrypted store does not work ({name})", name=type(error).__name__)


def _not_kept(why: str) -> Finding:
    return Finding(
        id="sign-in-not-kept",
        severity=Severity.WARNING,
        seen=t("Tokens of the sign-in are kept in memory only: {why}.", why=why),
        expected=t("sign_in_cache: encrypted keeps them for the next run."),
        why=t("Each run asks for a device code again. Nothing was written in clear."),
        to_do=t("Set sign_in_cache to none, or provide the store: on Linux a keyring with libsecret and PyGObject."),
        source="Microsoft, msal-extensions for Python, Encryption on Linux",
    )
