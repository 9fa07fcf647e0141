"""The first thing a newcomer runs: which Python it takes, and when it installs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import bootstrap

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 15, 2)])
def test_supported_python(version: tuple[int, ...]) -> None:
    bootstrap.check_python(version, has_venv=True)


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 14), (3, 16, 0)])
def test_other_python_is_named_in_one_line(version: tuple[int, ...]) -> None:
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.check_python(version, has_venv=True)
    assert f"Python {version[0]}.{version[1]} is not supported" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_venv_names_the_package() -> None:
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.check_python((3, 12, 1), has_venv=False)
    assert "sudo apt install python3.12-venv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_old_interpreters_can_read_the_script() -> None:
    source = (ROOT / "tools" / "bootstrap.py").read_text(encoding="utf-8")
    compile(source, "bootstrap.py", "exec", dont_inherit=True)
    import ast

    ast.parse(source, feature_version=(3, 7))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (bootstrap.LOCK, bootstrap.DEV_LOCK, "pyproject.toml"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    return tmp_path


def stamp(project: Path, lock: str, interpreter: str) -> None:
    told = bootstrap.fingerprint(project, lock, interpreter)
    (project / ".venv" / f".{lock}.stamp").write_text(told, encoding="utf-8")


def test_stamp_makes_the_second_run_install_nothing(project: Path) -> None:
    venv = project / ".venv"
    assert not bootstrap.is_current(project, venv, bootstrap.LOCK, "3.11.7 x86_64")
    stamp(project, bootstrap.LOCK, "3.11.7 x86_64")
    assert bootstrap.is_current(project, venv, bootstrap.LOCK, "3.11.7 x86_64")
    assert not bootstrap.is_current(project, venv, bootstrap.DEV_LOCK, "3.11.7 x86_64")


def test_dev_environment_is_enough_for_running(project: Path) -> None:
    stamp(project, bootstrap.DEV_LOCK, "3.11.7 x86_64")
    assert bootstrap.is_current(project, project / ".venv", bootstrap.LOCK, "3.11.7 x86_64")


@pytest.mark.parametrize("changed", [bootstrap.LOCK, "pyproject.toml"])
def test_changed_file_installs_anew(project: Path, changed: str) -> None:
    stamp(project, bootstrap.LOCK, "3.11.7 x86_64")
    (project / changed).write_text("other", encoding="utf-8")
    assert not bootstrap.is_current(project, project / ".venv", bootstrap.LOCK, "3.11.7 x86_64")


def test_other_or_broken_interpreter_installs_anew(project: Path) -> None:
    stamp(project, bootstrap.LOCK, "3.11.7 x86_64")
    assert not bootstrap.is_current(project, project / ".venv", bootstrap.LOCK, "3.12.1 x86_64")
    assert not bootstrap.is_current(project, project / ".venv", bootstrap.LOCK, "")
    assert bootstrap.interpreter_of(project / ".venv") == ""


def test_interpreter_of_a_real_environment() -> None:
    assert bootstrap.interpreter_of(Path(sys.prefix)).startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")


def test_script_says_why_in_one_line(tmp_path: Path) -> None:
    """The real script under an interpreter without venv: a stand-in package hides ensurepip."""
    hidden = "import sys, importlib.util; importlib.util.find_spec = lambda name: None\n"
    run = f"{hidden}sys.argv = ['bootstrap.py']; sys.path.insert(0, {str(ROOT)!r})\n"
    run += f"from pathlib import Path; from tools import bootstrap; bootstrap.ROOT = Path({str(tmp_path)!r})\n"
    run += "sys.exit(bootstrap.main([]))\n"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "apt install" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("there", [True, False])
def test_the_kerberos_extra_is_pinned_and_so_is_what_builds_it(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    ran: list[list[str]] = []
    answer: subprocess.CompletedProcess[bytes] = subprocess.CompletedProcess([], 0 if there else 1)
    monkeypatch.setattr(subprocess, "run", lambda *_a, **_n: answer)
    monkeypatch.setattr(bootstrap, "run", lambda arguments, _what: ran.append(arguments))
    bootstrap.add_kerberos(Path("python"))
    assert [command[-1] for command in ran] == (
        [] if there else [bootstrap.KERBEROS_BUILD_LOCK, bootstrap.KERBEROS_LOCK]
    )
    assert all("--require-hashes" in command for command in ran)
    assert there or "--no-build-isolation" in ran[1]


NOISY = "import sys; print('a warning of pip'); print('another', file=sys.stderr); sys.exit({code})"


def test_what_pip_says_is_shown_only_if_it_fails(capfd: pytest.CaptureFixture[str]) -> None:
    bootstrap.run_steps([([sys.executable, "-c", NOISY.format(code=0)], "Installing the lock")] * 2)
    said = capfd.readouterr()
    assert said.out.splitlines() == [f"  step {number} of 2: installing the lock ..." for number in (1, 2)]
    assert said.err == ""
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.run([sys.executable, "-c", NOISY.format(code=1)], "Installing the lock")
    assert {"a warning of pip", "another"} <= set(capfd.readouterr().err.splitlines())
    assert str(caught.value) == "Installing the lock failed; the lines above say why."


WAITS = """
import sys
from pathlib import Path
from tools import bootstrap
bootstrap.ROOT = root = Path(sys.argv[1])
bootstrap.interpreter_of = lambda venv: "3.11.7 x86_64"
bootstrap.run_steps = lambda steps: print("installing", flush=True)
print(bootstrap.set_up(root / ".venv", bootstrap.LOCK), flush=True)
"""


@pytest.mark.parametrize("done", [True, False])
def test_a_second_set_up_waits_for_the_first_and_says_so(project: Path, done: bool) -> None:
    """It installs nothing that the first has installed, and all of it where the first failed."""
    with bootstrap.alone(project / ".venv"):
        second = subprocess.Popen(
            [sys.executable, "-c", WAITS, str(project)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert second.stdout is not None
        assert (
            second.stdout.readline()
            == f"Another set-up of {project / '.venv'} is at work; waiting until it is done ...\n"
        )
        if done:
            stamp(project, bootstrap.LOCK, "3.11.7 x86_64")
    told = second.communicate(timeout=60)[0].splitlines()
    assert told[-1] == str(not done)
    assert ("installing" in told) is not done
