import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.domain.commands import KINDS, Command, NotUnderstood, Start, may_command, parse_commands

STOP = (Command(kind="stop", text=""),)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("/oneshot stop", STOP),
        ("Please:\r\n\r\n   /oneshot  stop  \r\nthanks", STOP),
        ("/oneshot STOP", STOP),
        ("/oneshot approve", (Command(kind="approve", text=""),)),
        ("/oneshot approve " + "a" * 40, (Command(kind="approve", text="a" * 40),)),
        ("/oneshot hold\n/oneshot resume", (Command(kind="hold", text=""), Command(kind="resume", text=""))),
        ("/oneshot answer round up", (Command(kind="answer", text="round up"),)),
        (
            "/oneshot answer use\n```\nround(x)\n/oneshot stop\n```\n> /oneshot stop\n/oneshot retry",
            (
                Command(kind="answer", text="use\n```\nround(x)\n/oneshot stop\n```\n> /oneshot stop"),
                Command(kind="retry", text=""),
            ),
        ),
        ("```\ncode\n```\n/oneshot stop", STOP),
        ("~~~~\n~~~\n/oneshot hold\n~~~~\n/oneshot stop", STOP),
        ("a ``` b\n/oneshot stop", STOP),
        ("``` inline ```\n/oneshot stop", STOP),
        ("/oneshot", (Start(),)),
        ("Please do it.\n\n/oneshot \n", (Start(),)),
        ("/oneshot base=Release/1.x", (Start(base="Release/1.x"),)),
        ("/oneshot answer 7\n/oneshot", (Command(kind="answer", text="7"), Start())),
    ],
)
def test_a_command_is_read_at_the_start_of_its_own_line(body, found):
    assert parse_commands(body) == found


@pytest.mark.parametrize(
    "body",
    [
        "",
        "stop",
        "say /oneshot stop",
        "`/oneshot stop`",
        "> /oneshot stop",
        "  > /oneshot stop",
        "    /oneshot stop",
        "\t/oneshot stop",
        "```\n/oneshot stop\n```",
        "```sh\n/oneshot stop",
        "~~~\n/oneshot stop\n~~~",
        "````\n```\n/oneshot stop\n````",
        "<!-- /oneshot stop -->",
        "<!--\n/oneshot stop\n-->",
        "<!--\n/oneshot stop",
        "/oneshotstop",
        "/oneshots stop",
        "//oneshot stop",
        "\\/oneshot stop",
    ],
)
def test_what_is_quoted_code_hidden_or_in_passing_is_no_command(body):
    assert parse_commands(body) == ()


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("/oneshot destroy", "destroy"),
        ("/oneshot stop now", "stop"),
        ("/oneshot answer", "answer"),
        ("/oneshot answer   \n\n/oneshot stop", "answer"),
        ("/oneshot approve main", "SHA"),
        ("/oneshot base=", "base="),
        ("/oneshot base=a..b", "base=a..b"),
        ("/oneshot base=-x", "base=-x"),
        ("/oneshot base=release now", "base=release"),
        ("/oneshot `@ada`", "ada"),
    ],
)
def test_what_is_meant_as_a_command_and_is_none_is_told(body, names):
    found = parse_commands(body)[0]
    assert isinstance(found, NotUnderstood)
    assert names in found.problem
    assert "@" not in found.problem


@given(st.text(alphabet=st.sampled_from("/oneshot stopanswer`~>\n\t-<!"), max_size=200) | st.text())
def test_any_comment_is_read_without_a_fault_and_bounded(body):
    found = parse_commands(body)
    assert len(found) <= 10
    assert all(isinstance(c, NotUnderstood | Start) or c.kind in KINDS for c in found)


def test_only_write_access_commands():
    assert [p for p in ("admin", "maintain", "write", "triage", "read", "none", "", "owner") if may_command(p)] == [
        "admin",
        "maintain",
        "write",
    ]
