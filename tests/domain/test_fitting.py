"""Claims about how texts of others are fitted into a template: whole where there is room, and else cut, fenced and named."""

from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.fitting import Part, fit

TEMPLATE = "For $name.\n\n## One\n\n$one\n\n## Two\n\n$two\n\n## Ours\n\nNo part, and $unknown.\n"
TEXT = st.text(alphabet=st.sampled_from("ab` \n$#\x1b\u202e~"), max_size=3000) | st.text(max_size=200)


def fitted(one: str = "", two: str = "", *, budget: int = 10_000):
    parts = {
        "one": Part(share=0.5, entries=(("first", one),)),
        "two": Part(share=0.5, entries=(("second", two),), from_end=True),
    }
    return fit(TEMPLATE, known={"name": "acme/shop"}, parts=parts, budget=budget)


def test_an_empty_part_takes_its_section_with_it_and_a_section_of_ours_stays() -> None:
    assert fitted(one="here").text == (
        "For acme/shop.\n\n## One\n\n```first\nhere\n```\n\n## Ours\n\nNo part, and $unknown.\n"
    )


def test_what_is_cut_says_so_and_is_named() -> None:
    found = fitted(one="x" * 5000, two="y" * 100, budget=1000)
    assert found.cut == {"one": ("first",)}
    assert "[cut: 5000 characters" in found.text
    assert "y" * 100 in found.text


def test_of_a_log_the_end_is_kept() -> None:
    found = fitted(two="a" * 5000 + "the reason", budget=1000)
    assert "the reason\n```" in found.text


def test_a_word_of_ours_in_a_text_of_others_is_not_filled_in() -> None:
    assert "$two" in fitted(one="$two and ${name}", two="secret").text
    assert "${name}" in fitted(one="$two and ${name}").text


@given(TEXT, TEXT, st.integers(0, 6000))
def test_the_budget_is_kept_and_what_is_whole_is_not_called_cut(one: str, two: str, room: int) -> None:
    budget = len(TEMPLATE) + 200 + room
    found = fitted(one, two, budget=budget)
    assert len(found.text) <= budget
    roomy = fitted(one, two, budget=100_000)
    assert roomy.cut == {}
