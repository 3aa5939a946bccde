from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.budget import UNKNOWN, Amount, Budgets, Price, Spent, cost, exhausted, in_words, total

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
        ({"tokens": Amount(known=1_999_999)}, {"tokens": Amount(known=2_000_000)}, "tokens_spent"),
        ({"usd": Amount(known=9.99)}, {"usd": Amount(known=10.0)}, "usd_spent"),
        ({"usd": UNKNOWN}, {"usd": Amount(known=10.0, whole=False)}, "usd_spent"),
    ],
)
def test_each_budget_is_its_own(within, over, code):
    assert exhausted(Spent(**within), DEFAULT) is None
    assert exhausted(Spent(**over), DEFAULT) == code


def test_where_dollars_are_unknown_the_tokens_decide():
    assert exhausted(Spent(usd=UNKNOWN, tokens=Amount(known=2_000_000)), DEFAULT) == "tokens_spent"
    assert exhausted(Spent(usd=UNKNOWN, tokens=UNKNOWN), DEFAULT) is None


def test_an_unknown_model_costs_unknown_and_never_zero():
    prices = {"known": Price(input=2.0, output=8.0)}
    assert cost("known", input_tokens=500_000, output_tokens=250_000, prices=prices) == 3.0
    for model, tokens in (("other", 5), (None, 5), ("known", None)):
        assert cost(model, input_tokens=tokens, output_tokens=5, prices=prices) is None


def test_what_its_service_had_kept_has_a_price_of_its_own():
    prices = {"m": Price(input=2.0, output=8.0, cached=0.5), "plain": Price(input=2.0, output=8.0)}
    told = {"input_tokens": 1_000_000, "output_tokens": 0, "prices": prices}
    assert cost("m", **told, cached_tokens=600_000) == pytest.approx(1.1)
    assert cost("m", **told, cached_tokens=9_000_000) == pytest.approx(0.5)
    for model, cached in (("plain", 600_000), ("m", None)):
        assert cost(model, **told, cached_tokens=cached) == 2.0


def test_a_sum_with_an_unknown_part_is_at_least_the_rest():
    assert total([1.0, 2.5]) == Amount(known=3.5)
    assert total([]) == Amount()
    assert total([1.0, None, 2.0]) == Amount(known=3.0, whole=False)
    assert [one.said for one in (Amount(known=880), Amount(known=3.0, whole=False), UNKNOWN)] == [
        880,
        "at least 3",
        "unknown",
    ]


@given(st.builds(Budgets, **{f.name: st.integers(1, 50) for f in fields(Budgets)}))
def test_a_cap_only_lowers(asked):
    capped = asked.capped_by(DEFAULT)
    for f in fields(Budgets):
        assert getattr(capped, f.name) == min(getattr(asked, f.name), getattr(DEFAULT, f.name))
    assert replace(asked).capped_by(asked) == asked


@pytest.mark.parametrize(
    ("usd", "tokens", "said"),
    [
        (UNKNOWN, UNKNOWN, "unknown"),
        (UNKNOWN, Amount(known=1234), "unknown, 1,234 tokens"),
        (Amount(known=0.125), Amount(known=10), "$0.12, 10 tokens"),
        (Amount(), Amount(), "$0.00"),
        (Amount(known=2, whole=False), Amount(known=10, whole=False), "at least $2.00, at least 10 tokens"),
    ],
)
def test_a_cost_is_said_as_far_as_it_is_known(usd, tokens, said):
    assert in_words(usd, tokens) == said
