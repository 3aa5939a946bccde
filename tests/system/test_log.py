"""No secret leaves in a log line."""

import base64
import io
import json
import shlex
from urllib.parse import quote

import pytest
import structlog

from oneshot_dagster.system.log import configure, redact, register_secret, without
from oneshot_dagster.system.secret_forms import REDACTED, forms

SECRET = 'p4ss/wörd+"x" &42'


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.b64encode(b"x-access-token:" + SECRET.encode()).decode(),
        base64.b64encode(b"user:" + SECRET.encode() + b":more").decode(),
        base64.urlsafe_b64encode(b"xy" + SECRET.encode()).decode(),
        SECRET.encode().hex(),
        "".join(f"%{byte:02X}" for byte in SECRET.encode()),
        json.dumps(SECRET, ensure_ascii=False)[1:-1].replace("/", "\\/"),
        shlex.quote(SECRET),
    ],
)
def test_a_known_secret_is_taken_out_in_any_form(shown):
    core = base64.b64encode(SECRET.encode()).decode()[4:12]
    cleaned = without(f"before {shown} after", sorted(forms(SECRET), key=len, reverse=True))
    assert SECRET not in cleaned
    assert core not in cleaned
    assert REDACTED in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")


def test_the_longer_of_two_secrets_goes_first():
    register_secret("first-part")
    register_secret("first-part-and-more")
    assert redact("is first-part-and-more, first-part") == f"is {REDACTED}, {REDACTED}"


def test_a_very_short_value_does_not_blot_out_words():
    register_secret("the")
    assert redact("the other") == "the other"


# Put together here, so that no scanner takes this file for a leak.
TOKENS = {
    "github": "gh" + "p_" + "A1b2" * 9,
    "fine grained": "github_" + "pat_" + "A1b2_" * 9,
    "installation": "gh" + "s_" + "A1b2" * 9,
    "bearer": "Authorization: Bearer " + "abc.def-123456",
    "basic": "authorization: basic " + "dXNlcjpwYXNz",
    "url": "https://user:" + "hunter2hunter2@example.org/x.git",
    "token in url": "postgresql+psycopg://" + "oneshot:a%2Fb@127.0.0.1/oneshot",
    "aws": "AKIA" + "ABCDEFGHIJKLMNOP",
    "jwt": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJl",
    "pem": "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEabc\ndef\n-----END RSA PRIVATE KEY-----",
    "cut pem": "-----BEGIN PRIVATE" + " KEY-----\nMIIEabc\ndef",
    "openai": "sk-" + "proj-A1b2C3d4E5f6G7h8",
    "slack": "xox" + "b-1234567890-abcdef",
}


@pytest.mark.parametrize("kind", TOKENS)
def test_what_looks_like_a_token_is_taken_out(kind):
    told = ("A1b2", "abc.def", "dXNlcjp", "hunter2", "a%2Fb", "ABCDEFGH", "eyJzdWI", "MIIE", "def", "1234567890")
    cleaned = redact(f"got {TOKENS[kind]}")
    assert REDACTED in cleaned
    assert not [word for word in told if word in cleaned]


@pytest.mark.parametrize(
    "text",
    [
        "the token was refused; ask for a new token for acme/shop",
        "https://github.com/acme/shop/pull/7",
        "0123456789abcdef0123456789abcdef01234567",
        "mail someone@example.org",
        "risk-assessment-of-the-basic-approach",
        "basic requirements of token authentication were met",
    ],
)
def test_ordinary_text_stays(text):
    assert redact(text) == text


@pytest.mark.parametrize("as_json", [True, False])
def test_a_log_line_holds_no_secret_however_deep(as_json):
    register_secret(SECRET)
    out = io.StringIO()
    configure(as_json=as_json, stream=out)
    try:
        raise ValueError(SECRET)  # noqa: TRY301 (the traceback is what is tested)
    except ValueError:
        structlog.get_logger().exception("pushing", inside={"deep": [SECRET]}, url=TOKENS["url"])
    structlog.reset_defaults()
    line = out.getvalue()
    assert "pushing" in line
    assert "p4ss" not in line
    assert "hunter2" not in line
    if as_json:
        assert json.loads(line)["level"] == "error"
