"""Which paths have owners that somebody is not among, as GitHub reads CODEOWNERS."""

import pytest

from oneshot_dagster.domain.code_owners import not_owned

OWNERS = """
# everything else
*           @ada @acme/core
*.sql       @grace   # the database
/docs/      @dan
api/*       @erin
free.txt
a\\ b.txt    @fay
"""


@pytest.mark.parametrize(
    ("path", "login", "owned"),
    [
        ("shop/cart.py", "ada", True),
        ("shop/cart.py", "ADA", True),
        ("shop/cart.py", "grace", False),
        ("migrations/1.sql", "grace", True),
        ("migrations/1.sql", "ada", False),
        ("docs/a/b.md", "dan", True),
        ("x/docs/a.md", "dan", False),
        ("api/a.py", "erin", True),
        ("api/v1/a.py", "erin", False),
        ("free.txt", "nobody", True),
        ("a b.txt", "fay", True),
    ],
)
def test_the_last_line_that_fits_decides(path, login, owned):
    assert (path not in not_owned(OWNERS, [path], login)) is owned


def test_the_owners_are_told_as_they_are_written():
    assert not_owned(OWNERS, ["x.sql", "shop/a.py"], "dan") == {
        "x.sql": ("@grace",),
        "shop/a.py": ("@ada", "@acme/core"),
    }


def test_where_nobody_owns_anything_everything_is_free():
    assert not_owned("", ["x"], "ada") == {}
