import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput

GOOD = [
    "acme/shop#2",
    "a/b#1",
    "a1-b/my.repo_x-1#4294967295",
    "0/0#9",
    f"{'a' * 39}/{'b' * 100}#1",
    "a/.github#7",
    "a/...#3",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_key_reads_and_writes_the_same(text):
    key = ChangeKey.parse(text)
    assert str(key) == text
    assert ChangeKey.parse(str(key)) == key
    assert key.branch == f"codex/issue-{key.issue_number}"
    assert f"{key.repository}#{key.issue_number}" == text


@pytest.mark.parametrize(
    "text",
    [
        "", "acme/shop", "acme/shop#", "acme/shop#0", "acme/shop#02", "acme/shop#-1", "acme/shop#1.0", "acme/shop#12345678901",
        "Acme/shop#2", "acme/Shop#2", "acme/shop#2 ", " acme/shop#2", "acme/shop#2\n", "acme//shop#2", "/shop#2", "acme/#2",
        "acme/.#2", "acme/..#2", "../shop#2", "acme/sh op#2", "acme/shöp#2", "acme/shop#²", "acme/shop#٢", "-acme/shop#2",
        f"{'a' * 40}/b#1", f"a/{'b' * 101}#1", "a/b/c#1", "acme/shop#2#3", "https://x/acme/shop#2", "acme/shop\x00#2",
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_shown(text):
    with pytest.raises(BadInput) as refused:
        ChangeKey.parse(text)
    assert repr(text) in str(refused.value)
    assert "acme/shop#2" in refused.value.do


@given(st.text(max_size=30) | st.from_regex(r"[a-zA-Z./#-]{0,9}/[a-z.#]{0,5}#[0-9]{0,4}", fullmatch=True))
def test_what_is_read_at_all_is_lower_case_and_writes_back(text):
    try:
        key = ChangeKey.parse(text)
    except BadInput:
        return
    assert str(key) == text == text.lower()
    assert key.name not in {".", ".."}
    assert key.issue_number > 0


def test_keys_sort_by_number_not_by_text():
    keys = [ChangeKey.parse(f"a/b#{n}") for n in (10, 9, 100)]
    assert [k.issue_number for k in sorted(keys)] == [9, 10, 100]
