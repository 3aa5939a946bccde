from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.budget import Budgets, Price, Spent, cost, exhausted, in_words, total

DEFAULT = Budgets()


def test_a_fresh_change_has_spent_nothing():
    assert exhausted(Spent(attempts=1), DEFAULT) is None


@pytest.mark.parametrize(
    ("within", "over", "code"),
    [
        ({"attempts": 3}, {"attempts": 4}, "attempts_spent"),
        ({"infrastructure": 5}, {"infrastructure": 6}, "infrastructure_retries_spent"),
        ({"judge_format": 2}, {"judge_format": 3}, "judge_format_retries_spent"),
        ({"active": 10_799.0}, {"active": 10_800.0}, "active_time_spent"),
        ({"tokens": 1_999_999}, {"tokens": 2_000_000}, "tokens_spent"),
        ({"usd": 9.99}, {"usd": 10.0}, "usd_spent"),
    ],
)
def test_each_budget_is_its_own(within, over, code):
    assert exhausted(Spent(**within), DEFAULT) is None
    assert exhausted(Spent(**over), DEFAULT) == code


def test_where_dollars_are_unknown_the_tokens_decide():
    assert exhausted(Spent(usd=None, tokens=2_000_000), DEFAULT) == "tokens_spent"
    assert exhausted(Spent(usd=None, tokens=None), DEFAULT) is None


def test_an_unknown_model_costs_unknown_and_never_zero():
    prices = {"known": Price(input=2.0, output=8.0)}
    assert cost("known", input_tokens=500_000, output_tokens=250_000, prices=prices) == 3.0
    for model, tokens in (("other", 5), (None, 5), ("known", None)):
        assert cost(model, input_tokens=tokens, output_tokens=5, prices=prices) is None


def test_a_sum_with_an_unknown_part_is_unknown():
    assert total([1.0, 2.5]) == 3.5
    assert total([]) == 0
    assert total([1.0, None]) is None


@given(st.builds(Budgets, **{f.name: st.integers(1, 50) for f in fields(Budgets)}))
def test_a_cap_only_lowers(asked):
    capped = asked.capped_by(DEFAULT)
    for f in fields(Budgets):
        assert getattr(capped, f.name) == min(getattr(asked, f.name), getattr(DEFAULT, f.name))
    assert replace(asked).capped_by(asked) == asked


@pytest.mark.parametrize(
    ("usd", "tokens", "said"),
    [
        (None, None, "unknown"),
        (None, 1234, "unknown, 1,234 tokens"),
        (0.125, 10, "$0.12, 10 tokens"),
        (0.0, 0, "$0.00"),
    ],
)
def test_a_cost_is_said_as_far_as_it_is_known(usd, tokens, said):
    assert in_words(usd, tokens) == said
