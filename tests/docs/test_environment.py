"""environment.yml and both locks say what pyproject.toml says, and name no address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUN = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
BUILD = [Requirement(text) for text in PROJECT["dependency-groups"]["build"]]
KERBEROS = [Requirement(text) for text in PROJECT["project"]["optional-dependencies"]["kerberos"]]
KEYRING = [Requirement(text) for text in PROJECT["project"]["optional-dependencies"]["keyring"]]
WINRM = [Requirement(text) for text in PROJECT["project"]["optional-dependencies"]["winrm"]]
KERBEROS_BUILD = [Requirement(text) for text in PROJECT["dependency-groups"]["kerberos-build"]]
AIRFLOW = [Requirement(text) for text in PROJECT["dependency-groups"]["airflow"]]
DEV = [Requirement(text) for text in PROJECT["dependency-groups"]["dev"]]


def wanted() -> dict[str, SpecifierSet]:
    """Name to version range that environment.yml must list."""
    # conda has no extras: what one of ours brought would have to be listed by name.
    assert not any(requirement.extras for requirement in RUN)
    found: dict[str, SpecifierSet] = {str(canonicalize_name(r.name)): r.specifier for r in RUN}
    return {**found, "python": SpecifierSet(PROJECT["project"]["requires-python"]), "pip": SpecifierSet()}


def conda() -> tuple[dict[str, SpecifierSet], list[str], list[str]]:
    """Names and ranges in environment.yml, their order, and its pip section."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    lines = [line for line in listed if isinstance(line, str)]
    pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    split = [line.partition(" ") for line in lines]
    ranges = {str(canonicalize_name(name)): SpecifierSet(text) for name, _, text in split}
    return ranges, [name for name, _, _ in split], pip


def test_environment_is_in_step() -> None:
    assert conda()[0] == wanted()


def test_environment_is_sorted_and_installs_the_project() -> None:
    _, names, pip = conda()
    assert names == ["python", *sorted(names[1:])]
    assert pip == ["-e ."]


def lock(name: str) -> dict[str, tuple[Version, int]]:
    """Package to version and number of hashes. Of a package pinned twice (markers), the newest."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found: dict[str, tuple[Version, int]] = {}
    for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
        pinned = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block)
        if pinned:
            package, version = canonicalize_name(pinned[1]), Version(pinned[2])
            hashes = len(re.findall(r"--hash=sha256:[0-9a-f]{64}", block))
            found[package] = max(found.get(package, (version, hashes)), (version, hashes))
    return found


@pytest.mark.parametrize(
    ("name", "requirements"),
    [
        ("requirements.lock", [*RUN, *BUILD]),
        ("requirements-dev.lock", [*RUN, *BUILD, *DEV]),
        ("requirements-kerberos.lock", KERBEROS),
        ("requirements-winrm.lock", WINRM),
        ("requirements-keyring.lock", KEYRING),
        ("requirements-kerberos-build.lock", KERBEROS_BUILD),
        ("requirements-airflow.lock", AIRFLOW),
    ],
)
def test_lock_satisfies_the_project(name: str, requirements: list[Requirement]) -> None:
    pinned = lock(name)
    for requirement in requirements:
        version, hashes = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} but {version} (run: make lock)"
        assert hashes > 0
    assert all(hashes for _, hashes in pinned.values())


LAST_FAULTY = {
    "cryptography": "49.0.0",
    "filelock": "4.2.0",
    "jinja2": "3.1.5",
    "jupyter-core": "5.7.2",
    "jupyter-server": "2.19.0",
    "jupyterlab": "4.6.1",
    "nbconvert": "7.17.0",
    "pyasn1": "0.6.3",
    "requests": "2.32.5",
    "tornado": "6.5.8",
    "urllib3": "2.7.0",
}
"""Versions with a known fault; docs/decisions/0009-lower-bounds.md names the advisories."""


@pytest.mark.parametrize(("name", "version"), LAST_FAULTY.items())
def test_no_range_and_no_lock_takes_a_version_with_a_known_fault(name: str, version: str) -> None:
    ranges = [r.specifier for r in RUN if canonicalize_name(r.name) == name] + [conda()[0][name]]
    assert len(ranges) == 2
    assert not any(bounds.contains(version) for bounds in ranges)
    for file in ("requirements.lock", "requirements-dev.lock"):
        assert lock(file)[name][0] > Version(version)


def test_the_decision_names_the_bounds() -> None:
    text = (ROOT / "docs" / "decisions" / "0009-lower-bounds.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w-]+) \| ([\d.]+) \|", text, flags=re.MULTILINE))
    bounds = {str(canonicalize_name(r.name)): r.specifier for r in RUN}
    told = {str(canonicalize_name(name)): Version(version) for name, version in rows.items()}
    assert set(told) == set(LAST_FAULTY)
    for name, version in told.items():
        assert Version(next(s.version for s in bounds[name] if s.operator == ">=")) == version


def test_build_backend_is_locked() -> None:
    names = {Requirement(text).name for text in PROJECT["build-system"]["requires"]}
    assert names <= {requirement.name for requirement in BUILD}


def test_dev_lock_holds_the_same_versions() -> None:
    plain, dev = lock("requirements.lock"), lock("requirements-dev.lock")
    assert {name: dev.get(name) for name in plain} == plain
    assert set(dev) - set(plain) >= {"pytest", "mypy", "ruff", "hypothesis"}


@pytest.mark.parametrize(
    "name", ["requirements-kerberos.lock", "requirements-kerberos-build.lock", "requirements-winrm.lock"]
)
def test_the_extras_locks_go_on_top_of_the_others(name: str) -> None:
    extra = lock(name)
    for other in (lock("requirements.lock"), lock("requirements-dev.lock")):
        assert {package: other[package] for package in extra if package in other} == {
            package: pinned for package, pinned in extra.items() if package in other
        }


def test_the_extra_is_optional_and_for_every_system() -> None:
    markers = {requirement.name: str(requirement.marker) for requirement in KERBEROS}
    assert markers == {"gssapi": 'sys_platform != "win32"', "winkerberos": 'sys_platform == "win32"'}
    assert [requirement.name for requirement in WINRM] == ["pypsrp", "pyspnego"]
    assert not {"gssapi", "winkerberos", "pypsrp", "pyspnego"} & {
        *lock("requirements.lock"),
        *lock("requirements-dev.lock"),
        *conda()[0],
    }


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_lock_names_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index" not in re.sub(r"^\S*index\S*==.*$", "", text, flags=re.MULTILINE)
    assert not re.search(r"^-", text, flags=re.MULTILINE), "options beside pins"
