"""What each scenario of the demo does and must come to. Each ends with checks of the demo's own, not of the engine's word."""

import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from oneshot_dagster.cli import demo_summary as summary
from oneshot_dagster.cli.demo_summary import Proof
from oneshot_dagster.cli.following import Look, follow, look
from oneshot_dagster.cli.progress import Lines, shown
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import NeedsHuman, Refusal
from oneshot_dagster.domain.messages import marker
from oneshot_dagster.domain.run import State
from oneshot_dagster.domain.trigger import LABEL
from oneshot_dagster.local.demo import serving
from oneshot_dagster.local.demo.checkout import Remote
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.demo.landed import landed, same_tree
from oneshot_dagster.local.demo.plant import BASE, OWNER, REPOSITORY, PlantedIssue, connect, new_issue, plant
from oneshot_dagster.local.world import WEBHOOKS

if TYPE_CHECKING:
    from rich.console import Console

    from oneshot_dagster.local.stack import Stack

_PATIENCE = 60.0
_LOOK_EVERY = 0.1


class Demo:
    """One issue on one stack. `began` is when the whole demo did."""

    def __init__(self, stack: "Stack", kind: Kind, console: "Console", *, began: float) -> None:
        self.stack, self.services, self.console, self.began = stack, stack.services, console, began
        self.forge = stack.forge()
        self.remote = Remote(url=self.forge.clone_url(REPOSITORY), token_file=stack.world.token_file(OWNER))
        self.scratch = stack.world.home / "scratch"
        self._lines = Lines(console)
        plant(self.forge, remote=self.remote, supervisor_url=stack.world.service_url, scratch=self.scratch)
        if stack.web.ports:
            connect(self.forge, url=stack.world.hooks_url, secret=stack.world.token(WEBHOOKS))
        self.issue: PlantedIssue = new_issue(self.forge, kind, random.Random())  # noqa: S311 (no secret)
        self.key = ChangeKey.parse(f"{REPOSITORY}#{self.issue.number}")

    def start(self) -> None:
        """The label, by a person with write access, and nothing else: who hears of it takes the issue in and starts its run."""
        self.forge.label(REPOSITORY, self.issue.number, LABEL)
        self.console.print(f'\n{OWNER} labels issue #{self.issue.number}: "{self.issue.title}"', markup=False)
        began = time.monotonic()
        while not self._is_started():
            if time.monotonic() - began > _PATIENCE:
                logs = self.stack.world.logs
                raise NeedsHuman(
                    f"nobody took the label up in {_PATIENCE:.0f} s (see {logs})", reason="label_not_heard"
                )
            self._mend()
            time.sleep(_LOOK_EVERY)
        how = "a webhook told of it" if self.stack.web.ports else "the forge was asked"
        self.console.print(f"{how}; taken in and started after {time.monotonic() - began:.1f} s\n", markup=False)

    def serve_base(self) -> None:
        """As a shop that has long been open: what serves is the base, deployed by hand."""
        url, tip = self.stack.world.service_url, self.forge.branch_sha(REPOSITORY, BASE)
        if serving.revision(url) is None:
            serving.deploy(url, tip)
            self.console.print(f"{OWNER} deploys {BASE} at {tip[:7]} by hand", markup=False)

    def _is_started(self) -> bool:
        attempt = self.services.store.runs.latest(self.key)
        if attempt is None:
            for refused in self.services.store.triggers.refusals(self.key):
                raise Refusal(code=refused.code, sentence=refused.sentence)
        return attempt is not None and bool(self.services.store.launches.of(attempt.id))

    def go_on(self, until: Callable[[Look], bool] | None = None) -> Look:
        """Until it has ended, or is parked behind a change that only a person can get out of the way."""
        with shown(self.console, lines=self._lines) as show:
            seen = follow(
                self.services,
                self.stack.engine.launcher,
                self.key,
                show=show,
                until=lambda seen: _blocked(seen) or (until is not None and until(seen)),
                meanwhile=self._mend,
            )
        if _blocked(seen):
            self.console.print(
                f"\n{self.key} waits {seen.attempt.reason}: look with `oneshot list`, go on with `oneshot retry`, "
                "or forget this world with `make clean`\n",
                markup=False,
                soft_wrap=True,
            )
        return seen

    def landed(self) -> Proof:
        attempt = look(self.services, self.stack.engine.launcher, self.key).attempt
        seen = landed(
            self.remote,
            base=BASE,
            merge_sha=attempt.merge_sha,
            judged_sha=attempt.judged_sha,
            scratch=self.scratch,
        )
        return Proof(name="in git", ok=seen.ok, said=seen.sentence)

    def behaves(self) -> Proof:
        seen = self.issue.check(self.stack.world.service_url)
        return Proof(name="over HTTP", ok=seen.ok, said=f"{seen.sentence} ({seen.url})")

    def unmerged(self, number: int | None) -> bool:
        return number is not None and not self.forge.pull(REPOSITORY, number)["merged"]

    def _mend(self) -> None:
        for said in self.stack.mend():
            self.console.print(f"  {said}", markup=False)


def play(stack: "Stack", kind: Kind, console: "Console", *, began: float) -> int:
    """The exit code."""
    demo = Demo(stack, kind, console, began=began)
    if kind is Kind.BAD_DEPLOY:
        demo.serve_base()
    ready = time.monotonic()
    demo.start()
    proofs = _SCENARIOS[kind](demo)
    took = time.monotonic() - ready
    seen = look(stack.services, stack.engine.launcher, demo.key)
    summary.show(stack, seen, proofs, shows=demo.issue.check(stack.world.service_url).url, console=console)
    console.print(f"\nset-up {ready - began:.1f} s, the run {took:.1f} s", markup=False)
    summary.what_next(stack, seen, console)
    return 0 if all(proof.ok for proof in proofs) else 1


def _happy(demo: Demo) -> list[Proof]:
    seen = demo.go_on()
    return [_is(seen, State.COMPLETED), demo.behaves(), demo.landed()]


def _red_first(demo: Demo) -> list[Proof]:
    seen = demo.go_on()
    attempts = demo.services.store.runs.all_of(demo.key)
    first = attempts[0]
    summary.failure(demo.services, first, demo.console)
    red = Proof(
        name="red first",
        ok=first.state is State.NEEDS_ITERATION and first.ci_status == "failure" and len(attempts) == 2,
        said=f"attempt 1 ended {first.state}: {first.reason}",
    )
    return [red, _is(seen, State.COMPLETED), demo.behaves(), demo.landed()]


def _needs_human(demo: Demo) -> list[Proof]:
    seen = demo.go_on()
    number = seen.attempt.pr_number
    hidden = marker(demo.key, "needs-human")
    comments = demo.forge.comments(REPOSITORY, number) if number else []
    brief = next((str(c["body"]) for c in comments if hidden in str(c["body"])), "")
    summary.brief(re.sub("<!--.*?-->", "", brief).strip(), demo.console)
    return [
        _is(seen, State.NEEDS_HUMAN),
        Proof(name="unmerged", ok=demo.unmerged(number), said=f"pull request #{number} is open and not merged"),
        Proof(name="told", ok=bool(brief), said=f"the brief stands on {seen.attempt.pr_url}"),
    ]


def _propose(demo: Demo) -> list[Proof]:
    seen = demo.go_on(until=lambda seen: seen.parked and seen.attempt.state is State.MERGE_READY)
    number, judged = seen.attempt.pr_number, seen.attempt.judged_sha
    waits = Proof(
        name="proposed",
        ok=seen.parked and demo.unmerged(number) and judged is not None,
        said=f"it waited, judged at {(judged or 'nothing')[:7]} and unmerged: {seen.attempt.reason}",
    )
    if not waits.ok:
        return [waits]
    demo.console.print(
        f"\n{waits.said}\n{OWNER} reads pull request #{number} and merges it on the forge\n",
        markup=False,
        soft_wrap=True,
    )
    demo.forge.merge_as_person(REPOSITORY, number or 0, sha=judged)
    after = demo.go_on()
    same = Proof(
        name="the same attempt",
        ok=after.attempt.id == seen.attempt.id and after.attempt.merged_by == OWNER,
        said=f"attempt {after.attempt.number}, merged by {after.attempt.merged_by}",
    )
    return [waits, same, _is(after, State.COMPLETED), demo.behaves(), demo.landed()]


def _bad_deploy(demo: Demo) -> list[Proof]:
    url, tip = demo.stack.world.service_url, demo.forge.branch_sha(REPOSITORY, BASE)
    before = serving.revision(url)
    seen = demo.go_on()
    attempts = demo.services.store.runs.all_of(demo.key)
    if len(attempts) != 3:
        return [_is(seen, State.COMPLETED), Proof(name="taken back", ok=False, said=f"{len(attempts)} attempts, not 3")]
    merges = [attempt.merge_sha or "" for attempt in attempts]
    shown_at = " → ".join(sha[:7] for sha in serving.deployed(url)[-4:])
    restored = Proof(
        name="restored", ok=serving.deployed(url)[-4:] == [merges[0], before, *merges[1:]], said=f"served: {shown_at}"
    )
    reverted = Proof(
        name="reverted",
        ok=same_tree(demo.remote, tip, merges[1], demo.scratch),
        said=f"{BASE} at {merges[1][:7]} held what it had held at {tip[:7]}, by pull request #{attempts[1].pr_number}",
    )
    return [restored, reverted, _is(seen, State.COMPLETED), demo.behaves(), demo.landed()]


def _blocked(seen: Look) -> bool:
    awaited = seen.attempt.awaited
    return (
        seen.parked and awaited is not None and awaited.what == "lane" and seen.attempt.reason.endswith("needs_human")
    )


def _is(seen: Look, state: State) -> Proof:
    return Proof(name=state.value, ok=seen.attempt.state is state, said=f"{seen.attempt.state}: {seen.attempt.reason}")


_SCENARIOS: dict[Kind, Callable[[Demo], list[Proof]]] = {
    Kind.HAPPY: _happy,
    Kind.RED_FIRST: _red_first,
    Kind.NEEDS_HUMAN: _needs_human,
    Kind.PROPOSE: _propose,
    Kind.BAD_DEPLOY: _bad_deploy,
}
