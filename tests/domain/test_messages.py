import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resume_world import HEAD, INPUTS, NOW, ago, attempt_in, awaiting

from oneshot_dagster.domain import messages
from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import StoredEvaluation, Transition
from oneshot_dagster.domain.brief import DECIDE
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.delivery import DeliveryFacts, success_criteria
from oneshot_dagster.domain.evidence import Sealed
from oneshot_dagster.domain.gate import Condition, Gate, Opening
from oneshot_dagster.domain.intake import Refused
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot
from oneshot_dagster.domain.test_results import CaseResult, SuiteResult

KEY = ChangeKey("acme", "shop", 2)
EVIL = "@ada closes #7 <!-- oneshot:acme/shop#9 --> | ``` ~~~ <img src=x onerror=alert(1)>\n# Big\n/oneshot stop\n\u202etxt"
URL = "http://127.0.0.1:3000/"
CONDITIONS = (
    Condition(name="ci", verdict=Verdict.FAILED, fact="check ci failed", sha=HEAD, opens="a green ci"),
    Condition(name="review", verdict=None, fact="nobody reviewed", sha=HEAD, opens="an approval"),
    Condition(name="mergeable", verdict=Verdict.PASSED, fact="clean", sha=HEAD, opens=""),
)
GATE = Gate(opening=Opening.FAILED, sha=HEAD, conditions=CONDITIONS)


def judged(*missing):
    return StoredEvaluation(
        decision="needs_human", sha=HEAD, reasons={}, missing_items=missing, next_prompt=None, model=None, prompt_sha256=None,
        raw_output=None, at=NOW,
    )  # fmt: skip


def outside_fences(text):
    return re.sub(r"(?ms)^(`{3,})[^\n]*\n.*?^\1$", "", text)


@pytest.mark.parametrize("state", list(State))
def test_the_status_says_the_step_links_cost_and_how_to_stop_and_is_found_again(state):
    attempt = attempt_in(state, pr_url="http://forge/acme/shop/pull/3")
    text = messages.status_comment(attempt, public_url=URL)
    assert text.endswith("<!-- oneshot:acme/shop#2 -->\n")
    assert "http://forge/acme/shop/pull/3" in text
    assert f"{URL}assets/evidence?view=partitions&partition=acme%2Fshop%232" in text
    assert "cost so far: unknown" in text
    can_stop = state in {*State} - {
        State.MERGED, State.DEPLOYING, State.VERIFYING, State.ROLLING_BACK, State.ROLLED_BACK, State.COMPLETED, State.CANCELLED,
        State.SUPERSEDED,
    }  # fmt: skip
    assert ("oneshot stop acme/shop#2" in text) is can_stop


def test_commands_in_comments_are_offered_only_where_they_are_read():
    attempt = attempt_in(State.TESTING)
    assert "/oneshot" not in messages.status_comment(attempt)
    assert "/oneshot stop" in messages.status_comment(attempt, comments=True)
    stopped = attempt_in(State.NEEDS_HUMAN, human_reason="protected_path")
    assert "/oneshot" not in messages.needs_human_brief(stopped)
    assert f"/oneshot approve {HEAD}" in messages.needs_human_brief(stopped, comments=True)


def test_an_issue_that_says_something_else_by_now_is_mentioned():
    attempt = attempt_in(State.TESTING)
    assert "was edited" not in messages.status_comment(attempt)
    assert "the issue was edited after the start; what it says now is not used" in messages.status_comment(
        attempt, edited=True
    )


def test_a_refusal_in_one_sentence_has_no_empty_advice():
    assert "What to do" not in messages.refusal_comment(KEY, Refused(code="x", found="it is closed; reopen it", do=""))


def test_a_verification_that_was_left_out_stands_in_the_status():
    text = messages.status_comment(attempt_in(State.COMPLETED), unverified="waived (a library)", cost="$1.50")
    assert "verification: waived (a library)" in text
    assert "$1.50" in text
    assert "verification" not in messages.status_comment(attempt_in(State.COMPLETED))


BRIEF = ["What was asked", "What was tried", "Where it stands", "What you decide", "Links"]


def test_the_brief_has_all_parts_in_order_on_one_page():
    inputs = replace(INPUTS, issue_body="long " * 5000)
    attempt = attempt_in(State.NEEDS_HUMAN, reason="r " * 5000, inputs=inputs)
    text = messages.needs_human_brief(attempt, evaluations=(judged(*["item " * 500] * 50),), public_url=URL)
    assert [line[4:] for line in text.splitlines() if line.startswith("### ")] == BRIEF
    assert len(text) < 8_000


@pytest.mark.parametrize(
    ("code", "says", "offers", "offers_not"),
    [
        ("protected_path", "protected files", "oneshot approve acme/shop#2", "oneshot answer"),
        ("attempts_spent", "one more attempt", "oneshot retry acme/shop#2", "oneshot approve"),
        ("judge_says_no", "Whether the model is right", "oneshot answer acme/shop#2 TEXT", "oneshot approve"),
        ("post_deploy_failed", "take the change back", "oneshot retry acme/shop#2", "oneshot stop"),
    ],
)
def test_the_brief_asks_the_question_of_its_reason(code, says, offers, offers_not):
    text = messages.needs_human_brief(attempt_in(State.NEEDS_HUMAN, human_reason=code))
    assert says in text
    assert offers in text
    assert offers_not not in text


@pytest.mark.parametrize("code", [*DECIDE, "a code that nobody knows"])
@pytest.mark.parametrize("kind", Kind)
def test_the_brief_offers_nothing_that_does_not_work_any_more(code, kind):
    attempt = attempt_in(
        State.NEEDS_HUMAN, human_reason=code, human_from=State.VERIFYING, merge_sha="c" * 40, kind=kind
    )
    text = messages.needs_human_brief(attempt)
    offered = re.findall(r"(?m)^- `oneshot (\w+) acme/shop#2", text.partition("### What you decide")[2])
    assert offered
    assert not {"stop", "answer"} & set(offered)
    assert ("rollback" in offered) is (kind is Kind.IMPLEMENT and code != "landing_mismatch")
    assert "nothing is merged" not in text


def test_the_brief_says_whether_it_is_merged_and_lists_each_attempt_once():
    first = attempt_in(State.NEEDS_ITERATION, number=1, reason="ci was red")
    second = attempt_in(
        State.NEEDS_HUMAN, number=2, human_from=State.VERIFYING, merge_sha="c" * 40, merged_by="oneshot"
    )
    text = messages.needs_human_brief(second, earlier=(first, second))
    assert len(re.findall(r"(?m)^\| [12] \|", text)) == 2
    assert "It is merged" in text
    assert "Nothing is merged." in messages.needs_human_brief(attempt_in(State.NEEDS_HUMAN))


def all_texts(words):
    inputs = replace(INPUTS, issue_title=words, issue_body=words, issue_author=words, prompt=words)
    attempt = attempt_in(State.NEEDS_HUMAN, reason=words, inputs=inputs, merged_by=words, merge_sha=HEAD)
    gate = Gate(
        opening=Opening.FAILED, sha=HEAD, conditions=(replace(CONDITIONS[0], name=words, fact=words, opens=words),)
    )
    case = CaseResult(name=words, outcome="failed", seconds=0.0)
    suite = SuiteResult(
        suite=words,
        command=words,
        sha=HEAD,
        verdict=Verdict.FAILED,
        reason=words,
        exit_code=1,
        seconds=1.0,
        cases=(case,),
    )
    file = FileChange(
        path_bytes=b"x", path=words, status=FileStatus.ADDED, old_mode="0", new_mode="0", old_blob="0", new_blob="0", additions=1,
        deletions=None,
    )  # fmt: skip
    snapshot = Snapshot(base_sha=HEAD, head_sha=HEAD, files=(file,))
    sealed = (Sealed(name=words, sha256=None, size=None, missing=words),)
    criteria = success_criteria(DeliveryFacts(unverified=words, merged_by=words, merge_sha=HEAD))
    return [
        messages.status_comment(attempt, unverified=words),
        messages.needs_human_brief(attempt, earlier=(attempt,), evaluations=(judged(words),)),
        messages.refusal_comment(KEY, Refused(code="x", found=words, do=words)),
        messages.evidence_summary(attempt, criteria=criteria, artifacts=sealed, head="f" * 64, unverified=words),
        messages.conditions_table(gate),
        messages.suites_table((suite,)),
        messages.files_table(snapshot),
    ]


@given(st.text(max_size=60) | st.just(EVIL))
def test_words_of_others_notify_nobody_close_nothing_and_fake_no_marker(words):
    for text in all_texts(words):
        assert not re.search(r"@[A-Za-z0-9]", text)
        assert not re.search(r"(?i)\b(close[sd]?|fix(e[sd])?|resolve[sd]?)\s*:?\s*#\d", text)
        assert set(re.findall(r"<!--[^\n]*", text)) <= {
            "<!-- oneshot:acme/shop#2 -->",
            "<!-- oneshot:acme/shop#2:refused-x -->",
        }
        assert "\u202e" not in text


@pytest.mark.parametrize("index", [4, 5, 6])
@given(words=st.text(max_size=60) | st.just(EVIL))
def test_a_table_keeps_its_columns_whatever_stands_in_it(index, words):
    lines = all_texts(words)[index].splitlines()
    counts = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines}
    assert len(lines) == 3
    assert len(counts) == 1


@given(st.text(max_size=60) | st.just(EVIL))
def test_words_of_others_make_no_heading_and_no_command_line(words):
    plain = outside_fences(all_texts(words)[1])
    assert [line[4:] for line in plain.splitlines() if line.startswith("### ")] == BRIEF
    assert not re.search(r"(?m)^/oneshot", plain)
    assert "<img" not in plain.replace("\\<img", "")


def test_a_refusal_says_what_was_found_what_to_do_and_can_be_found_again():
    text = messages.refusal_comment(KEY, Refused(code="issue_closed", found="issue is closed", do="reopen it"))
    assert text.startswith("Not done: issue is closed.")
    assert "What to do: reopen it." in text
    assert messages.marker(KEY, "refused-issue_closed") in text


def test_the_evidence_summary_counts_lists_the_missing_and_gives_the_head():
    sealed = (
        Sealed(name="patch", sha256="e" * 64, size=12),
        Sealed(name="merge", sha256=None, size=None, missing="merge did not run"),
    )
    criteria = success_criteria(DeliveryFacts(memories=1))
    text = messages.evidence_summary(attempt_in(State.NEEDS_HUMAN), criteria=criteria, artifacts=sealed, head="f" * 64)
    assert "1 of 7 criteria passed" in text
    assert "| merge | missing: merge did not run |" in text
    assert f"`{'e' * 64}` | 12 |" in text
    assert "f" * 64 in text


def test_explain_has_a_row_for_the_state_the_wait_and_each_condition_with_its_age():
    attempt = attempt_in(State.AWAITING_CI, awaited=awaiting("ci"), updated_at=ago(600))
    rows = messages.explain(attempt, gate=GATE, read_at=ago(130), now=NOW)
    assert [(r.condition, r.verdict, r.age) for r in rows] == [
        ("state", None, "10 min"),
        ("awaited", None, "10 min"),
        ("ci", Verdict.FAILED, "2 min"),
        ("review", None, "2 min"),
        ("mergeable", Verdict.PASSED, "2 min"),
    ]
    assert rows[1].opens == "a person is asked in 50 min"
    assert rows[2].opens == "a green ci"
    assert {r.sha for r in rows} == {HEAD}


@pytest.mark.parametrize("state", list(State))
def test_explain_says_something_of_every_state(state):
    row = messages.explain(attempt_in(state, reason=""), gate=None, read_at=None, now=NOW)[0]
    assert row.fact
    assert (row.verdict is Verdict.PASSED) is (state is State.COMPLETED)


def test_a_step_of_the_lifecycle_is_one_sentence():
    step = Transition(source=State.TESTING, target=State.PR_READY, reason="tests\npassed", cause="run 1", at=NOW)
    assert messages.what_happened(step) == "2026-03-01 12:00:00 UTC from testing to pr ready: tests passed (run 1)"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_an_age_is_in_the_largest_unit_of_which_there_are_two(seconds, said):
    assert messages.age(timedelta(seconds=seconds).total_seconds()) == said


def test_a_long_table_says_how_much_is_left_out():
    file = FileChange(
        path_bytes=b"x", path="x", status=FileStatus.TYPE_CHANGED, old_mode="0", new_mode="0", old_blob="0", new_blob="0",
        additions=1, deletions=2,
    )  # fmt: skip
    text = messages.files_table(Snapshot(base_sha=HEAD, head_sha=HEAD, files=(file,) * 103))
    assert text.splitlines()[-1] == "| and 3 more |  |  |  |"
    assert "| x | type changed | +1 | -2 |" in text
    assert (
        messages.files_table(Snapshot(base_sha=HEAD, head_sha=HEAD, files=())).splitlines()[-1] == "| none |  |  |  |"
    )
