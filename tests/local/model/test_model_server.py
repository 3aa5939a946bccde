"""The scripted model over HTTP, asked as clients of the Responses API ask."""

import json

import httpx
import pytest

from oneshot_dagster.local.model.items import apply_patch, message, reasoning, refusal, shell
from oneshot_dagster.local.model.script import Asked, Break, Fault, Reply, Tokens, status
from oneshot_dagster.local.model.server import ModelServer, model_server


@pytest.fixture
def server():
    with model_server() as found:
        yield found


def ask(server: ModelServer, name: str = "default", *, stream: bool = True, timeout: float = 10, **body: object):
    asked = {"model": "m", "stream": stream, "input": [{"role": "user", "content": "do it"}], **body}
    return httpx.post(f"{server.base_url(name)}/responses", json=asked, timeout=timeout, trust_env=False)


def events(answer: httpx.Response) -> list[dict]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]


def test_a_reply_streams_its_items_and_ends_with_its_usage(server):
    server.script(Reply(reasoning("hm"), shell("ls"), message("done"), tokens=Tokens(input=7, output=3)))
    said = events(ask(server))
    assert said[0]["type"] == "response.created"
    done = [event["item"]["type"] for event in said if event["type"] == "response.output_item.done"]
    assert done == ["reasoning", "function_call", "message"]
    assert said[-1]["type"] == "response.completed"
    assert said[-1]["response"]["usage"]["total_tokens"] == 10


def test_without_streaming_the_answer_is_one_object(server):
    server.script(Reply(refusal("no")))
    answer = ask(server, stream=False).json()
    assert answer["output"][0]["content"][0] == {"type": "refusal", "refusal": "no"}


def test_ids_are_never_the_same_twice(server):
    server.script(Reply(shell("ls"), apply_patch("x"), times=None))
    calls = [item["call_id"] for _ in range(2) for item in ask(server, stream=False).json()["output"]]
    assert len(set(calls)) == 4


def test_turns_come_in_order_and_a_request_after_the_last_is_refused(server):
    script = server.script(Reply(message("one"), times=2), Reply(message("two")))
    said = [ask(server, stream=False).json()["output"][0]["content"][0]["text"] for _ in range(3)]
    assert (said, script.remaining) == (["one", "one", "two"], 0)
    assert ask(server).status_code == 400


def test_names_are_played_apart_and_an_unknown_one_is_not_there(server):
    server.script(Reply(message("a")), name="a")
    server.script(Reply(message("b")), name="b")
    assert "b" in ask(server, "b").text
    assert len(server.requests("a")) == 0
    assert ask(server, "c").status_code == 404


def test_a_player_answers_by_what_it_is_asked(server):
    def player(asked: Asked) -> Reply:
        return Reply(message(f"{asked.prompt} | {asked.outputs} | {(asked.schema or {}).get('type')}"))

    server.play(player)
    said = ask(
        server,
        stream=False,
        input=[
            {"role": "developer", "content": "rules"},
            {"role": "user", "content": [{"type": "input_text", "text": "do it"}]},
            {"type": "function_call_output", "call_id": "c", "output": "ok"},
        ],
        text={"format": {"type": "json_schema", "schema": {"type": "object"}}},
    ).json()
    assert said["output"][0]["content"][0]["text"] == "do it | ('ok',) | object"


def test_an_http_error_carries_its_code_and_headers(server):
    server.script(status(429, reason="rate_limit_exceeded", headers={"retry-after": "1"}))
    answer = ask(server)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize("kind", [Break.CUT, Break.RESET])
def test_a_broken_connection_is_broken(server, kind):
    server.script(Fault(kind=kind))
    with pytest.raises(httpx.TransportError):
        ask(server)


@pytest.mark.parametrize("kind", [Break.SILENCE, Break.MUTE])
def test_silence_lasts_until_the_client_goes(server, kind):
    server.script(Fault(kind=kind))
    with pytest.raises(httpx.ReadTimeout):
        ask(server, timeout=0.3)


@pytest.mark.parametrize("kind", [Break.EMPTY, Break.GARBAGE, Break.FAILED, Break.INCOMPLETE])
def test_a_stream_that_goes_wrong_never_completes(server, kind):
    server.script(Fault(kind=kind))
    assert "response.completed" not in ask(server).text


def test_every_request_is_kept_with_its_headers(server):
    server.script(Reply(message("x")))
    httpx.post(
        f"{server.base_url()}/responses",
        json={"input": "hello"},
        headers={"Authorization": "Bearer k"},
        timeout=10,
        trust_env=False,
    )
    (asked,) = server.requests()
    assert (asked.headers["authorization"], asked.prompt) == ("Bearer k", "hello")
