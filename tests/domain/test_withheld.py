"""What was not written, as the brief shows it to a person."""

from attempts import NOW, attempt

from oneshot_dagster.domain.attempt import StoredEvaluation, WriteAction
from oneshot_dagster.domain.brief import needs_human_brief
from oneshot_dagster.domain.run import OBSERVE_ONLY, Mode, State

OBSERVED = attempt(
    state=State.NEEDS_HUMAN, mode=Mode.OBSERVE, human_from=State.JUDGING, human_reason=OBSERVE_ONLY, reason="observed"
)


def withheld(action, **payload):
    return WriteAction(
        id="1", attempt_id="1", action=action, key="k", payload=payload, outcome="withheld", result={}, created_at=NOW,
        settled_at=NOW,
    )  # fmt: skip


def test_the_brief_lists_every_withheld_write_with_its_words_and_how_to_go_on():
    writes = [
        withheld("push", branch="codex/issue-2", sha="a" * 40, expected=None),
        withheld("open_pr", base="main", title="Add a discount", body="## What\n\nTen or more."),
        withheld("comment", purpose="status", number=2, body="<!-- oneshot:acme/shop#2:status -->\n**Waiting.**"),
    ]
    text = needs_human_brief(OBSERVED, withheld=writes)
    assert "### What was not written, because of mode observe" in text
    assert f"- push: branch `codex/issue-2`, sha `{'a' * 40}`" in text
    assert "Add a discount\n\n## What\n\nTen or more." in text
    assert "**Waiting.**" in text
    assert "In mode propose it pushes the branch" in text
    assert 'mode = "propose" in .oneshot.toml' in text
    assert "`oneshot retry acme/shop#2`" in text


def test_words_of_others_in_a_withheld_write_stand_in_a_fence_and_name_nobody():
    text = needs_human_brief(
        OBSERVED, withheld=[withheld("open_pr", title="x", body="```\n@ada closes #7\n# Big\n```")]
    )
    assert "@ada" not in text
    assert "````text" in text


def test_a_brief_of_another_mode_says_nothing_of_it():
    assert "not written" not in needs_human_brief(attempt(state=State.NEEDS_HUMAN, human_reason="protected_path"))


def test_the_decisions_are_in_the_brief_each_rule_with_its_verdict():
    rules = [
        {"name": "size", "verdict": "passed", "detail": "1 of at most 200 files"},
        {"name": "gate_passed", "verdict": "did_not_run", "detail": "no pull request"},
    ]
    evaluation = StoredEvaluation(
        decision="needs_human", sha="a" * 40, reasons={"rules": rules}, missing_items=(), next_prompt=None, model=None,
        prompt_sha256=None, raw_output=None, at=NOW,
    )  # fmt: skip
    text = needs_human_brief(OBSERVED, evaluations=[evaluation])
    assert "| size | passed | 1 of at most 200 files |" in text
    assert "| gate\\_passed | **did not run** | no pull request |" in text
