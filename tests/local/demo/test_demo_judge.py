"""The scripted model as the demo's judge, given the very prompt that the engine makes."""

import json
import random
from importlib.resources import files

import pytest

from oneshot_dagster.domain.citations import checked
from oneshot_dagster.domain.gate import Gate, Opening
from oneshot_dagster.domain.judge_prompt import Shown, judge_prompt
from oneshot_dagster.domain.opinion import Decision, ModelOpinion, parse_opinion
from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot
from oneshot_dagster.local.demo.issues import Kind, draw
from oneshot_dagster.local.demo.model import play
from oneshot_dagster.local.model.script import Asked

HEAD = "a" * 40
TEMPLATE = files("oneshot_dagster.domain").joinpath("texts", "judge_prompt.md").read_text()


def said(title: str, body: str, path: str) -> ModelOpinion:
    change = FileChange(
        path_bytes=path.encode(), path=path, status=FileStatus.ADDED, old_mode="000000", new_mode="100644",
        old_blob="0" * 40, new_blob="1" * 40, additions=1, deletions=0, patch="@@ -0,0 +1 @@\n+TIER = 1\n",
    )  # fmt: skip
    shown = Shown(
        repository="acme/shop", key="acme/shop#1", attempt=1, issue_title=title, issue_body=body,
        snapshot=Snapshot(base_sha="b" * 40, head_sha=HEAD, files=(change,)),
        gate=Gate(opening=Opening.PASSED, sha=HEAD, conditions=()),
    )  # fmt: skip
    prompt = judge_prompt(TEMPLATE, shown, 400_000).text
    reply = play(Asked(headers={}, body={"input": prompt, "text": {"format": {"schema": {"type": "object"}}}}))
    opinion = parse_opinion(json.loads(json.dumps(reply.items[0]))["content"][0]["text"])
    assert isinstance(opinion, ModelOpinion), opinion
    return opinion


@pytest.mark.parametrize("kind", [Kind.HAPPY, Kind.RED_FIRST, Kind.PROPOSE])
@pytest.mark.parametrize("seed", range(5))
def test_it_passes_what_the_demo_asks_for_and_cites_the_change(kind, seed):
    issue = draw(kind, random.Random(seed), ())
    path = "shop/discounts/mug_3.py"
    opinion = said(issue.title, issue.body, path)
    assert opinion.decision is Decision.PASS
    assert checked(opinion, lines={path: 1}, touched={path}) is opinion


def test_an_ask_that_it_does_not_know_goes_to_a_person():
    assert said("Paint it", "Make the shop green.", "shop/paint.py").decision is Decision.NEEDS_HUMAN
