"""The judging model over the Responses API, against the scripted model with the faults of a real service."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.domain.opinion import OPINION_SCHEMA
from oneshot_dagster.local.model.items import message, refusal, shell, structured
from oneshot_dagster.local.model.script import Break, Fault, Reply, Tokens, status
from oneshot_dagster.local.model.server import model_server
from oneshot_dagster.services.judge.model import ModelJudge
from oneshot_dagster.services.judge.protocol import Question

KEY = "a-key-for-tests"
QUESTION = Question(prompt="judge this", schema=OPINION_SCHEMA)


def never() -> bool:
    return False


@pytest.fixture
def server():
    with model_server() as found:
        yield found


def judge(server, *turns, **over) -> ModelJudge:
    server.script(*turns)
    given = {"model": "m-1", "base_url": server.base_url(), "key": lambda: KEY, "wall": 10.0, "stall": 5.0}
    return ModelJudge(**{**given, **over})


def asked(server):
    while not (found := server.requests()):  # who gave up waiting may be heard of a moment later
        time.sleep(0.01)
    (one,) = found
    return one


def test_it_asks_once_with_a_strict_schema_and_keeps_nothing_there(server):
    opinion = judge(server, Reply(structured({"a": 1}), tokens=Tokens(input=70, cached=50, output=30))).ask(
        QUESTION, cancelled=never
    )
    assert opinion is not None
    assert (json.loads(opinion.raw), opinion.problem, opinion.model) == ({"a": 1}, "", "m-1")
    assert (opinion.input_tokens, opinion.cached_tokens, opinion.output_tokens) == (70, 50, 30)
    request = asked(server)
    assert request.schema == OPINION_SCHEMA
    assert request.body["text"]["format"]["strict"] is True
    assert (request.body["store"], request.body["stream"], request.prompt) == (False, True, "judge this")
    assert {"tools", "previous_response_id", "conversation"}.isdisjoint(request.body)
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("turn", "says"),
    [
        (Reply(refusal("I will not")), "it refused: I will not"),
        (Reply(shell("ls")), "without a text"),
        (Reply(), "without a text"),
        (Reply(message("")), "without a text"),
        (Fault(kind=Break.CUT), "cut off"),
        (Fault(kind=Break.EMPTY), "cut off"),
        (Fault(kind=Break.INCOMPLETE), "cut off: max_output_tokens"),
        (Fault(kind=Break.FAILED, code="invalid_prompt"), "invalid_prompt"),
        (Fault(kind=Break.SILENCE), "it said nothing for 0.5 s"),
        (Fault(kind=Break.MUTE), "it said nothing for 0.5 s"),
    ],
    ids=["refused", "a call", "empty", "no word", "cut", "no stream", "incomplete", "failed", "silent", "mute"],
)
def test_what_is_no_answer_says_why_and_is_not_asked_again(server, turn, says):
    silent = isinstance(turn, Fault) and turn.kind in {Break.SILENCE, Break.MUTE}
    opinion = judge(server, turn, stall=0.5 if silent else 60.0, wall=60.0).ask(QUESTION, cancelled=never)
    assert opinion is not None
    assert says in opinion.problem
    assert asked(server)


def test_a_stream_of_garbage_is_no_answer(server):
    opinion = judge(server, Fault(kind=Break.GARBAGE)).ask(QUESTION, cancelled=never)
    assert opinion is not None
    assert "cannot be read" in opinion.problem


@pytest.mark.parametrize(
    ("turn", "after"),
    [
        (status(429, headers={"retry-after": "7"}), 7.0),
        (status(429, headers={"retry-after": "soon"}), None),
        (status(500), None),
        (status(503), None),
        (Fault(kind=Break.RESET), None),
        (Fault(kind=Break.FAILED, code="rate_limit_exceeded"), None),
    ],
)
def test_a_service_that_is_away_is_asked_another_time_and_waited_for_as_it_says(server, turn, after):
    with pytest.raises(TryAgain) as raised:
        judge(server, turn).ask(QUESTION, cancelled=never)
    assert raised.value.after == after
    assert asked(server)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    "turn", [status(401), status(403), status(404), status(400), status(429, reason="insufficient_quota")]
)
def test_a_service_that_will_never_answer_goes_to_a_person(server, turn):
    with pytest.raises(NeedsHuman) as raised:
        judge(server, turn).ask(QUESTION, cancelled=never)
    assert raised.value.reason == "judge_unusable"
    assert KEY not in str(raised.value)


def test_nobody_there_is_another_time(server):
    with pytest.raises(TryAgain, match="cannot be reached"):
        judge(server, base_url="http://127.0.0.1:9/v1").ask(QUESTION, cancelled=never)


def test_an_answer_that_takes_too_long_is_none(server):
    opinion = judge(server, Reply(structured({})), wall=-1.0).ask(QUESTION, cancelled=never)
    assert opinion is not None
    assert "did not end within" in opinion.problem


def test_it_ends_where_it_is_cancelled(server):
    assert judge(server, Reply(structured({}))).ask(QUESTION, cancelled=lambda: True) is None


@pytest.fixture
def nobody_accepts():
    """The address of a socket whose queue is full: a connection to it is neither made nor refused."""
    with contextlib.ExitStack() as open_ones:
        listener = open_ones.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(2):
            waiting = open_ones.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def left_open() -> set[str | threading.Thread]:
    return {found.name for found in Path("/proc/self/fd").iterdir()} | set(threading.enumerate())


def after_looks(count: int, since: Callable[[], object]) -> Callable[[], bool]:
    looks = iter(range(count))
    return lambda: bool(since()) and next(looks, None) is None


@pytest.mark.timeout(30)
@pytest.mark.parametrize("silent", [Break.SILENCE, Break.MUTE], ids=["in the answer", "before its headers"])
def test_a_stop_is_heard_while_it_says_nothing_and_leaves_nothing_open(server, silent):
    one, before = judge(server, Fault(kind=silent), wall=600.0, stall=600.0), left_open()
    assert one.ask(QUESTION, cancelled=after_looks(3, server.requests)) is None
    while not left_open() <= before:  # the server sees it a moment later
        time.sleep(0.01)


@pytest.mark.timeout(30)
def test_a_stop_is_heard_while_it_connects_and_leaves_nothing_open(server, nobody_accepts):
    one, before = judge(server, base_url=nobody_accepts, wall=600.0, stall=600.0), left_open()
    assert one.ask(QUESTION, cancelled=after_looks(3, lambda: True)) is None
    while not left_open() <= before:  # the thread that looked the name up ends a moment later
        time.sleep(0.01)


@pytest.mark.timeout(30)
def test_a_silent_answer_ends_at_the_wall(server):
    opinion = judge(server, Fault(kind=Break.SILENCE), wall=0.5, stall=600.0).ask(QUESTION, cancelled=never)
    assert opinion is not None
    assert opinion.problem == "it did not end within 0.5 s"


def test_the_key_is_read_anew_with_each_question(server):
    keys = iter(["one", "two"])
    one = judge(server, Reply(structured({}), times=2), key=lambda: next(keys))
    one.ask(QUESTION, cancelled=never)
    one.ask(QUESTION, cancelled=never)
    assert [r.headers["authorization"] for r in server.requests()] == ["Bearer one", "Bearer two"]
