"""The way out of a sandbox, over real sockets."""

import contextlib
import gc
import http.server
import socket
import threading

import pytest

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.system.egress import opened, read_request
from oneshot_dagster.system.sandbox.room import Address, address, address_of


class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.path} {self.headers.get('Connection')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Address("127.0.0.1", server.server_port)
    server.shutdown()
    server.server_close()


def said(place, request: bytes) -> bytes:
    family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
    with socket.socket(family) as one:
        one.settimeout(10)
        one.connect(place)
        one.sendall(request)
        answer = b""
        while data := one.recv(4096):
            answer += data
        return answer


def tunnel(target: object, inner: bytes = b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n") -> bytes:
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode() + inner


def test_a_named_address_is_reached_through_a_tunnel_on_a_unix_socket(service, tmp_path):
    with opened([service], path=tmp_path / "out") as outlet:
        answer = said(str(tmp_path / "out"), tunnel(service))
    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.0 200 OK")
    assert answer.endswith(b"/x close")
    assert outlet.refused == {}


def test_a_whole_request_is_handed_on_and_ends_its_connection(service):
    with opened([service]) as outlet:
        answer = said(("127.0.0.1", outlet.port), f"GET http://{service}/a?b HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.endswith(b"/a?b close")


@pytest.mark.parametrize("target", ["127.0.0.1:1", "localhost:{port}", "evil.example:443", "[::1]:{port}"])
def test_what_is_not_named_is_refused_and_noted(service, target):
    target = target.format(port=service.port)
    with opened([service]) as outlet:
        assert said(("127.0.0.1", outlet.port), tunnel(target)).startswith(b"HTTP/1.1 403")
        assert said(("127.0.0.1", outlet.port), tunnel(target)).startswith(b"HTTP/1.1 403")
    assert outlet.refused == {target: 2}


def test_what_is_refused_is_kept_within_bounds(service):
    with opened([service]) as outlet:
        for number in range(30):
            said(("127.0.0.1", outlet.port), tunnel(f"h{number}.example:443"))
    assert len(outlet.refused) == 20


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"CONNECT x HTTP/1.1\r\n\r\n"])
def test_what_is_no_request_to_a_proxy_is_refused(service, request_):
    with opened([service]) as outlet:
        assert said(("127.0.0.1", outlet.port), request_).startswith(b"HTTP/1.1 400")


def test_a_named_address_that_does_not_answer_is_a_bad_gateway():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gone = Address("127.0.0.1", closed.getsockname()[1])
        with opened([gone]) as outlet:
            assert said(("127.0.0.1", outlet.port), tunnel(gone)).startswith(b"HTTP/1.1 502")


def test_a_name_that_leads_to_this_machine_is_not_followed(service):
    """As an allowed name does whose owner points it at us; this one every resolver reads as 127.0.0.1."""
    name = Address("0x7f.1", service.port)
    with opened([name]) as outlet:
        answer = said(("127.0.0.1", outlet.port), tunnel(name))
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"leads to this machine" in answer


def test_nobody_is_let_out_after_the_block(service, tmp_path):
    with opened([service], path=tmp_path / "out"):
        pass
    with pytest.raises(OSError):
        said(str(tmp_path / "out"), tunnel(service))


def test_whoever_is_connected_when_it_ends_is_let_go_and_nothing_is_left_of_it(caplog):
    """In every stage: not accepted yet, asking, let through to somebody who says nothing."""
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Address("127.0.0.1", silent.getsockname()[1])
        for _ in range(60):
            with contextlib.ExitStack() as clients:
                with opened([target]) as outlet:
                    found = [
                        clients.enter_context(socket.create_connection(("127.0.0.1", outlet.port))) for _ in "123456"
                    ]
                    for client in found[::2]:
                        client.sendall(tunnel(target, b""))
                for client in found:
                    client.settimeout(10)
                    with contextlib.suppress(ConnectionError):
                        assert client.recv(4096) in {b"", b"HTTP/1.1 200 Connection established\r\n\r\n"}
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
    assert set(threading.enumerate()) <= before


def test_a_socket_that_cannot_be_made_is_said(tmp_path):
    with pytest.raises(OSError, match="could not be opened"), opened([], path=tmp_path / "no" / "folder"):
        pass


def test_only_one_request_goes_to_the_one_address_that_was_looked_at():
    asked = read_request(b"GET http://a.example/x HTTP/1.1\r\nHost: b\r\nProxy-Connection: keep-alive\r\n\r\n")
    assert asked.target == Address("a.example", 80)
    assert asked.head == b"GET /x HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.example:1", Address("a.example", 1)),
        ("A.Example:443", Address("a.example", 443)),
        ("[::1]:5", Address("::1", 5)),
    ],
)
def test_addresses_are_read(text, found):
    assert address(text) == found
    assert address(str(found)) == found


@pytest.mark.parametrize("text", ["a", "a:0", "a:65536", ":1", "a b:1", "http://a:1", "a:1 ", "-a:1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(BadInput):
        address(text)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://127.0.0.1:3003", Address("127.0.0.1", 3003)),
        ("https://shop.example/x?y", Address("shop.example", 443)),
        ("http://Shop.example", Address("shop.example", 80)),
        ("http://[::1]:8/", Address("::1", 8)),
    ],
)
def test_the_address_of_a_url(url, found):
    assert address_of(url) == found


@pytest.mark.parametrize("url", ["ftp://a", "http://", "http://a:99999", "http://user@a/"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(BadInput):
        address_of(url)
