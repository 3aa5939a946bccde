"""What GitHub's port takes, refuses and keeps: over HTTP, into a real Postgres."""

import hmac
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.web.hooks import LARGEST_BODY, hooks_app

SECRET = b"a secret of the test"
CHECK_RUN = {
    "action": "completed",
    "check_run": {"head_sha": "a" * 40},
    "repository": {"full_name": "Acme/Shop"},
    "sender": {"login": "github-actions[bot]"},
}


@dataclass
class Receiver:
    url: str
    http: httpx.Client
    database: str

    def send(self, body: bytes, *, secret: bytes = SECRET, **headers: str) -> httpx.Response:
        signature = "sha256=" + hmac.new(secret, body, "sha256").hexdigest()
        known = {"X-GitHub-Event": "check_run", "X-GitHub-Delivery": "d-1", "X-Hub-Signature-256": signature}
        return self.http.post(self.url, content=body, headers={**known, **headers})

    def rows(self) -> list[tuple[object, ...]]:
        query = "select delivery_id, event_type, action, repository, issue_number, pr_number, commit_sha, sender_login, state"
        with psycopg.connect(libpq_url(self.database)) as connection:
            return connection.execute(f"{query} from jangar_github.events order by id").fetchall()


@pytest.fixture
def receiver(store: PostgresStore, store_url: str) -> Iterator[Receiver]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = hooks_app(keep=store.events.add, secret=lambda: SECRET)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/github"
    with httpx.Client(trust_env=False, timeout=30) as http:
        yield Receiver(url=url, http=http, database=store_url)
    server.should_exit = True
    thread.join(20)
    listener.close()


def test_a_signed_delivery_is_kept_with_the_fields_that_are_read(receiver: Receiver) -> None:
    answer = receiver.send(json.dumps(CHECK_RUN).encode())

    assert (answer.status_code, answer.content) == (202, b"")
    assert receiver.rows() == [
        ("d-1", "check_run", "completed", "acme/shop", None, None, "a" * 40, "github-actions[bot]", "received")
    ]


def test_a_delivery_that_comes_again_is_kept_once(receiver: Receiver) -> None:
    body = json.dumps(CHECK_RUN).encode()

    assert [receiver.send(body).status_code for _ in range(2)] == [202, 202]
    assert len(receiver.rows()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "sha1=" + "0" * 40},
        {"X-Hub-Signature-256": "é"},
    ],
    ids=["none", "empty", "wrong", "sha1", "not ASCII"],
)
def test_a_wrong_signature_is_refused_without_a_word(receiver: Receiver, headers: dict[str, str]) -> None:
    answer = receiver.http.post(
        receiver.url,
        content=json.dumps(CHECK_RUN).encode(),
        headers={k.encode(): v.encode() for k, v in {"X-GitHub-Event": "ping", **headers}.items()},
    )

    assert (answer.status_code, answer.content) == (401, b"")
    assert receiver.rows() == []


def test_a_body_signed_with_another_secret_or_changed_on_the_way_is_refused(receiver: Receiver) -> None:
    body = json.dumps(CHECK_RUN).encode()
    signature = "sha256=" + hmac.new(SECRET, body, "sha256").hexdigest()

    assert receiver.send(body, secret=b"another").status_code == 401
    assert receiver.send(body + b" ", **{"X-Hub-Signature-256": signature}).status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'"text"', b"\xff", b"[" * 100_000, b'{"a": NaN}', b'{"a": 1' + b"0" * 200_000 + b"}"]
)
def test_a_signed_body_that_is_no_payload_is_a_bad_request(receiver: Receiver, body: bytes) -> None:
    answer = receiver.send(body)

    assert (answer.status_code, answer.content) == (400, b"")
    assert receiver.rows() == []


@pytest.mark.parametrize("header", ["X-GitHub-Event", "X-GitHub-Delivery"])
@pytest.mark.parametrize("value", ["", "x" * 256])
def test_a_delivery_without_a_usable_name_or_id_is_a_bad_request(receiver: Receiver, header: str, value: str) -> None:
    assert receiver.send(json.dumps(CHECK_RUN).encode(), **{header: value}).status_code == 400


def test_characters_that_postgres_cannot_hold_do_not_lose_the_rest(receiver: Receiver) -> None:
    body = json.dumps({**CHECK_RUN, "note": "a\0b \ud800", "action": "com\0pleted"}).encode()

    assert receiver.send(body).status_code == 202
    assert receiver.rows()[0][2:4] == ("com�pleted", "acme/shop")


def test_a_body_over_the_limit_is_refused_before_it_is_read(receiver: Receiver) -> None:
    with socket.create_connection(("127.0.0.1", int(receiver.url.split(":")[2].split("/")[0]))) as connection:
        head = f"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n"
        connection.sendall(head.encode())
        announced = connection.recv(100)
    streamed = receiver.http.post(receiver.url, content=(b"x" * 2**20 for _ in range(26)))

    assert announced.startswith(b"HTTP/1.1 413 ")
    assert streamed.status_code == 413
    assert receiver.rows() == []


def test_nothing_else_is_on_that_port(receiver: Receiver) -> None:
    root = receiver.url.removesuffix("/webhooks/github")

    assert receiver.http.get(f"{root}/healthz").text == "ok\n"
    assert receiver.http.get(receiver.url).status_code == 405
    for path in ("/", "/graphql", "/docs", "/openapi.json", "/server_info"):
        assert receiver.http.get(root + path).status_code == 404


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
PART = ODD | st.dictionaries(
    st.sampled_from(["number", "sha", "head_sha", "full_name", "login", "head", "pull_request"]), ODD, max_size=4
)
PAYLOAD = st.dictionaries(
    st.sampled_from(["action", "issue", "pull_request", "repository", "sender", "check_run", "sha", "after"]), PART
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=PAYLOAD, delivery=st.uuids(), noise=st.binary(max_size=40), event=st.text("abc_é", min_size=1, max_size=9)
)
def test_no_signed_body_brings_the_receiver_down(
    receiver: Receiver, payload: dict[str, object], delivery: object, noise: bytes, event: str
) -> None:
    headers = {"X-GitHub-Delivery": str(delivery), "X-GitHub-Event": event.encode("ascii", "replace").decode()}

    assert receiver.send(json.dumps(payload).encode(), **headers).status_code in {202, 400}
    assert receiver.send(noise, **headers).status_code in {202, 400}


HEADER = st.binary(max_size=60).map(lambda value: value.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b""))
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"X-Hub-Signature-256", b"X-GitHub-Delivery", b"X-GitHub-Event", b"Content-Type", b"Content-Length"]
        )
        | st.text("abcxyz-", min_size=1, max_size=9).map(str.encode),
        HEADER
        | st.sampled_from([b"sha256=", b"sha256=" + b"0" * 64, b"-1", b"99999999999999999999", b"application/json"]),
    ),
    max_size=8,
)


def raw(receiver: Receiver, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """What is said to bytes as a stranger may send them, an HTTP client's care left out."""
    host, port = receiver.url.split("/")[2].split(":")
    lines = [b"POST /webhooks/github HTTP/1.1", b"Host: x", b"Connection: close", *(b": ".join(one) for one in headers)]
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", body]))
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(headers=HEADERS, body=st.binary(max_size=40))
def test_no_headers_bring_the_receiver_down_and_nothing_is_told_to_a_stranger(
    receiver: Receiver, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    answer = raw(receiver, headers, body)

    assert answer == b"" or answer.split(b" ", 2)[1] in {b"400", b"401", b"413"}, answer
    assert b"Traceback" not in answer
    assert receiver.rows() == []


def test_a_database_that_is_away_is_said_to_github_and_the_next_delivery_is_kept(receiver: Receiver) -> None:
    body = json.dumps(CHECK_RUN).encode()
    with psycopg.connect(libpq_url(receiver.database), autocommit=True) as connection:
        connection.execute("alter table jangar_github.events rename to events_away")
        away = receiver.send(body).status_code
        connection.execute("alter table jangar_github.events_away rename to events")

    assert away == 503
    assert receiver.send(body).status_code == 202
