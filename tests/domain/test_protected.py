"""Claims about protected paths: what a glob covers."""

import pytest
from changed_files import changed, snapshot
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.protected import protected_files
from oneshot_dagster.domain.snapshot import FileStatus


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        ".github/CODEOWNERS",
        ".github",
        ".GitHub/workflows/ci.yml",
        ".oneshot.toml",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        ".github/\udcff.yml",
        ".github/line\nbreak.yml",
    ],
)
def test_what_changes_the_gate_is_always_protected(path: str) -> None:
    assert protected_files(snapshot(changed(path)), ()) == (path,)


@pytest.mark.parametrize("path", ["src/app.py", "src/.github/x", "docs/oneshot.toml", "CODEOWNERS.md", "github/x"])
def test_an_ordinary_path_is_free(path: str) -> None:
    assert protected_files(snapshot(changed(path)), ()) == ()


@pytest.mark.parametrize(
    ("glob", "path", "protected"),
    [
        ("migrations/**", "migrations/1.sql", True),
        ("migrations/**", "migrations/a/b/1.sql", True),
        ("migrations/**", "migrations", True),
        ("migrations/**", "src/migrations/1.sql", False),
        ("migrations/", "migrations/a/1.sql", True),
        ("**/migrations/**", "src/app/migrations/1.sql", True),
        ("**/migrations/**", "migrations/1.sql", True),
        ("**/*.sql", "1.sql", True),
        ("*.sql", "a/b/1.sql", True),
        ("*.sql", "a/b/1.sqlx", False),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/a/b.py", False),
        ("src/**/b.py", "src/b.py", True),
        ("src/**/b.py", "src/x/y/b.py", True),
        ("./setup.py", "setup.py", True),
        ("./setup.py", "a/setup.py", False),
        ("pricing/tax.py", "Pricing/Tax.py", True),
        ("file?.txt", "file1.txt", True),
        ("file[0-9].txt", "file1.txt", True),
        ("file[!0-9].txt", "file1.txt", False),
        ("file[z-a].txt", "file[z-a].txt", True),
        ("a.b", "aXb", False),
        ("**", "any/thing", True),
    ],
)
def test_a_glob_covers(glob: str, path: str, protected: bool) -> None:
    assert bool(protected_files(snapshot(changed(path)), (glob,))) is protected


def test_a_rename_out_of_a_protected_folder_names_the_old_path() -> None:
    moved = changed("src/1.sql", status=FileStatus.RENAMED, old="migrations/1.sql")
    assert protected_files(snapshot(moved), ("migrations/**",)) == ("migrations/1.sql",)


@given(st.text(min_size=1, max_size=20), st.text(alphabet="ab/*[]!?.-", min_size=1, max_size=12))
def test_any_glob_can_be_asked_about_any_path(path: str, glob: str) -> None:
    file = changed(path.encode(errors="ignore").decode() or "x")
    assert set(protected_files(snapshot(file), (glob,))) <= {file.path}
