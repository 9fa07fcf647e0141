"""The list of what Samba does differently: complete entries, each with a test that names it."""

from __future__ import annotations

from pathlib import Path

from tests.contract.conftest import differences, differences_of_the_embedded

HERE = Path(__file__).parent


def test_every_difference_is_described_and_tested() -> None:
    """What, both answers and where that is known from; and a test marked with it."""
    source = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_directory_*.py"))
    for name, entry in differences().items():
        assert entry.keys() == {"what", "windows", "samba", "seen"}
        assert all(entry.values())
        assert f'pytest.mark.windows_only("{name}")' in source


def test_what_the_embedded_directory_does_not_do_is_described() -> None:
    """What, Windows' answer and ours."""
    assert differences_of_the_embedded()
    for entry in differences_of_the_embedded().values():
        assert entry.keys() == {"what", "windows", "embedded"}
        assert all(entry.values())
