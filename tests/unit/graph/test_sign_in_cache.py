"""Tokens between two runs: encrypted or not at all."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import msal_extensions
import pytest

from runbook_lib.graph.sign_in.cache import SignInCache, cache_folder, kept_cache
from tests.unit.graph.fake_cloud import TENANT, Clock
from tests.unit.graph.fake_sign_in import CLIENT, FakeSignIn, Prompt, access_token, person_source

SECRETS = (b"canary", b"eyJ", b"refresh_token", b"ada@contoso.com")


class Sealed(msal_extensions.FilePersistence):  # type: ignore[misc]
    """Stands for the operating system's encryption: what it writes has nothing of what it was given in clear."""

    is_encrypted = True

    def save(self, content: str) -> None:
        super().save(base64.b85encode(bytes(255 - byte for byte in content.encode())).decode())

    def load(self) -> str:
        return bytes(255 - byte for byte in base64.b85decode(super().load())).decode()


class Broken(Sealed):
    """Works until something is to be kept."""

    def save(self, content: str) -> None:
        raise OSError(f"the keyring is locked, and this was to be kept: {content}")


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_second_run_needs_nobody(tmp_path: Path) -> None:
    service, prompt, folder = FakeSignIn(), Prompt(), tmp_path / "state"
    cache = kept_cache(folder, TENANT, CLIENT, encrypted=Sealed)
    person_source(service, prompt, cache)[0].token()
    assert cache.findings == ()
    again = kept_cache(folder, TENANT, CLIENT, encrypted=Sealed)
    headless, _, _ = person_source(service, None, again)
    assert headless.token().reveal() == access_token(2)
    assert headless.token(refused=headless.token()).reveal() == access_token(3)
    assert len(prompt.codes) == 1
    stored = everything_in(folder)
    assert stored
    assert not any(secret in stored for secret in SECRETS)


def test_each_tenant_and_app_has_its_own_file(tmp_path: Path) -> None:
    service = FakeSignIn()
    person_source(service, Prompt(), kept_cache(tmp_path, TENANT, CLIENT, encrypted=Sealed))[0].token()
    other = kept_cache(tmp_path, TENANT, TENANT, encrypted=Sealed)
    assert list(other.tokens.search("RefreshToken")) == []
    assert [path.name for path in tmp_path.glob("*.tokens")] == [f"{TENANT}.{CLIENT}.tokens"]


@pytest.mark.skipif("os.name != 'posix'", reason="modes are POSIX; Windows protects the user's own folder")
def test_only_the_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o777)
    person_source(FakeSignIn(), Prompt(), kept_cache(folder, TENANT, CLIENT, encrypted=Sealed))[0].token()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.glob("*.tokens"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def no_store(_: str) -> object:
    raise ImportError("Unable to import module 'gi'")


def unencrypted(path: str) -> object:
    return msal_extensions.FilePersistence(path)


@pytest.mark.parametrize("encrypted", [no_store, unencrypted, Broken])
def test_without_encryption_nothing_is_written_and_a_finding_says_so(tmp_path: Path, encrypted: object) -> None:
    service, prompt = FakeSignIn(), Prompt()
    cache = kept_cache(tmp_path, TENANT, CLIENT, encrypted=encrypted)  # type: ignore[arg-type]
    source, _, _ = person_source(service, prompt, cache)
    source.token()
    source.token(refused=source.token())  # memory serves the run itself
    assert len(prompt.codes) == 1
    (finding,) = cache.findings
    assert finding.id == "sign-in-not-kept"
    assert "memory only" in finding.seen
    assert "canary" not in repr(finding)
    assert everything_in(tmp_path) == b""


def test_the_real_library_without_a_keyring_leaves_no_plain_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    # No session bus: the library finds no keyring, with or without PyGObject on this machine.
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    cache = kept_cache(tmp_path / "state", TENANT, CLIENT)
    person_source(FakeSignIn(), Prompt(), cache)[0].token()
    assert [finding.id for finding in cache.findings] == ["sign-in-not-kept"]
    assert everything_in(tmp_path) == b""


def test_a_file_that_cannot_be_read_any_more_asks_again_and_says_so(tmp_path: Path) -> None:
    (tmp_path / f"{TENANT}.{CLIENT}.tokens").write_text("another account's", encoding="utf-8")
    prompt, cache = Prompt(), kept_cache(tmp_path, TENANT, CLIENT, encrypted=Sealed)
    person_source(FakeSignIn(), prompt, cache, Clock())[0].token()
    assert len(prompt.codes) == 1
    assert [finding.id for finding in cache.findings] == ["sign-in-not-kept"]


def test_forgetting_ends_what_was_kept(tmp_path: Path) -> None:
    service, prompt = FakeSignIn(), Prompt()
    person_source(service, prompt, kept_cache(tmp_path, TENANT, CLIENT, encrypted=Sealed))[0].token()
    another = kept_cache(tmp_path, TENANT, CLIENT, encrypted=Sealed)
    assert another.forget()
    assert not another.forget()
    person_source(service, prompt, kept_cache(tmp_path, TENANT, CLIENT, encrypted=Sealed))[0].token()
    assert len(prompt.codes) == 2


def test_forgetting_needs_no_readable_file_and_makes_none(tmp_path: Path) -> None:
    fresh = kept_cache(tmp_path, TENANT, CLIENT, encrypted=Sealed)
    assert not fresh.forget()
    assert list(tmp_path.glob("*.tokens")) == []
    (tmp_path / f"{TENANT}.{CLIENT}.tokens").write_text("another account's", encoding="utf-8")
    odd = kept_cache(tmp_path, TENANT, CLIENT, encrypted=Sealed)
    odd.forget()
    assert odd.trouble == ""
    assert kept_cache(tmp_path, TENANT, CLIENT, encrypted=Sealed).trouble == ""
    assert not kept_cache(tmp_path, TENANT, CLIENT, encrypted=no_store).forget()


def test_memory_keeps_nothing_and_says_nothing() -> None:
    cache = SignInCache()
    person_source(FakeSignIn(), Prompt(), cache)[0].token()
    assert cache.findings == ()
    assert cache.forget()
    assert not cache.forget()


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"HOME": "/home/ada"}, "/home/ada/.local/state/group-writeback-runbook"),
        ("linux", {"HOME": "/home/ada", "XDG_STATE_HOME": "/state"}, "/state/group-writeback-runbook"),
        ("linux", {"HOME": "/home/ada", "XDG_STATE_HOME": "rel"}, "/home/ada/.local/state/group-writeback-runbook"),
        ("darwin", {"HOME": "/Users/ada"}, "/Users/ada/Library/Application Support/group-writeback-runbook"),
        ("win32", {"LOCALAPPDATA": "/u/Local"}, "/u/Local/group-writeback-runbook"),
        ("win32", {"USERPROFILE": "/u"}, "/u/AppData/Local/group-writeback-runbook"),
    ],
)
def test_the_folder_is_the_accounts_own(platform: str, environment: dict[str, str], expected: str) -> None:
    assert cache_folder(environment, platform).as_posix() == expected
