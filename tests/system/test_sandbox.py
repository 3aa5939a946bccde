"""Commands in a sandbox of each kind: what they can still do, what they may reach, and the bounds that end them.
What they would do against the platform is test_sandbox_probes.py."""

import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import Engine, eventually, living, sleeper

import oneshot_dagster
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.system.process import Command, clean_environment
from oneshot_dagster.system.sandbox.git_folders import GitFolders
from oneshot_dagster.system.sandbox.kinds import Kind, why_not_bubblewrap, why_not_landlock
from oneshot_dagster.system.sandbox.room import Address, Bounds, Room
from oneshot_dagster.system.sandbox.sandbox import Ended, Sandbox

WHY_NOT = {Kind.BUBBLEWRAP: why_not_bubblewrap, Kind.LANDLOCK: why_not_landlock}
URLLIB = "import urllib.request as r, sys; print(r.urlopen(sys.argv[1], timeout=10).read().decode())"
NO_PROXY_KNOWN = """
import http.client, sys
one = http.client.HTTPConnection(sys.argv[1], timeout=10)
one.request('GET', '/')
print(one.getresponse().read())
"""
OWN_SERVER = """
import asyncio
async def main(host):
    async def answer(reader, writer):
        writer.write(await reader.readline()); await writer.drain(); writer.close()
    server = await asyncio.start_server(answer, host, 0)
    reader, writer = await asyncio.open_connection('127.0.0.1', server.sockets[0].getsockname()[1])
    writer.write(b'served\\n'); print((await reader.read()).decode())
for host in ('127.0.0.1', '0.0.0.0'):
    asyncio.run(main(host))
"""


@pytest.fixture(params=WHY_NOT, ids=str)
def kind(request) -> Kind:
    if why := WHY_NOT[request.param]():
        pytest.skip(why)
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def service():
    class Greeting(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"greetings")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Greeting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Address("127.0.0.1", server.server_port)
    server.shutdown()
    server.server_close()


def run(kind: Kind, folder: Path, script: str, *, bounds: Bounds | None = None, timeout: float = 60.0, **room) -> Ended:
    command = Command(
        argv=("/bin/bash", "-c", script), cwd=folder, env=clean_environment(HOME=str(folder)), timeout=timeout
    )
    sandbox = Sandbox(wanted=kind, bounds=bounds or Bounds())
    return sandbox.run(command, Room(writable=(folder,), **room))


def said(ended: Ended) -> str:
    return (ended.finished.stdout + ended.finished.stderr).decode()


def test_output_and_exit_code_come_through(kind, folder):
    ended = run(kind, folder, "echo out; echo err >&2; exit 7")
    assert (ended.finished.returncode, ended.finished.stdout, ended.finished.stderr) == (7, b"out\n", b"err\n")
    assert ended.exceeded is None


def test_its_own_folder_can_be_changed_and_files_are_the_accounts(kind, folder):
    assert run(kind, folder, "mkdir sub && echo x > sub/file && chmod 600 sub/file").finished.returncode == 0
    assert (folder / "sub" / "file").read_text() == "x\n"
    assert (folder / "sub" / "file").stat().st_uid == folder.stat().st_uid


def test_a_descriptor_is_held_while_anything_lives_and_the_command_does_not_get_it(kind, folder):
    reading, writing = os.pipe()
    os.mkfifo(folder / "go")
    listing = "readlink /proc/self/fd/* | grep -c pipe"
    script = f"{listing}; touch up; cat go"
    command = Command(argv=("/bin/bash", "-c", script), cwd=folder, env=clean_environment(), pass_fds=(writing,))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(Sandbox(wanted=kind).run, command, Room(writable=(folder,)))
        while not (folder / "up").exists():
            time.sleep(0.02)
        os.close(writing)
        os.set_blocking(reading, False)
        with pytest.raises(BlockingIOError):
            os.read(reading, 1)
        (folder / "go").write_bytes(b"")
        held = running.result()
    assert os.read(reading, 1) == b""
    os.close(reading)
    assert held.finished.stdout == run(kind, folder, listing).finished.stdout


def test_what_is_readable_cannot_be_changed_and_what_is_hidden_in_it_is_not_there(kind, folder, tmp_path):
    for name in ("tools/hidden/mine/seen", "tools/hidden/secret", "tools/program"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    tools = tmp_path / "tools"
    room = {"readable": (tools, tools / "hidden" / "mine"), "hidden": (tools / "hidden",)}
    ended = run(
        kind,
        folder,
        f"cat {tools}/program {tools}/hidden/mine/seen {tools}/hidden/secret; echo x > {tools}/program",
        **room,
    )
    assert "tools/program" in said(ended)
    assert "tools/hidden/mine/seen" in said(ended)
    assert "tools/hidden/secret\n" not in said(ended).replace(f"{tools}", "")
    assert (tools / "program").read_text() == "tools/program"
    assert ended.finished.returncode != 0


def test_the_platforms_own_places_are_hidden_also_in_what_every_room_shows(kind, tmp_path):
    tools, home = tmp_path / "opt", tmp_path / "opt" / "oneshot" / "home"
    (home / "scratch" / "work").mkdir(parents=True)
    for file in (home / "token", tools / "key.pem", tools / "program"):
        file.write_text("content of " + file.name)
    sandbox = Sandbox(wanted=kind, readable=(tools,), hidden=(home, tools / "key.pem"))
    script = f"cat {tools}/program {home}/token {tools}/key.pem; touch here"
    command = Command(argv=("/bin/bash", "-c", script), cwd=home / "scratch" / "work", env=clean_environment())
    ended = sandbox.run(command, Room(writable=(home / "scratch" / "work",)))
    assert ended.finished.stdout == b"content of program"
    assert (home / "scratch" / "work" / "here").exists()


def test_servers_of_its_own_work_on_the_loopback(kind, folder):
    (folder / "own.py").write_text(OWN_SERVER)
    assert said(run(kind, folder, "python3 own.py")).split() == ["served"] * 2


@pytest.mark.parametrize("program", [URLLIB, NO_PROXY_KNOWN], ids=["by the proxy", "without knowing of it"])
def test_a_named_address_of_the_loopback_is_reached(kind, folder, service, program):
    (folder / "ask.py").write_text(program)
    where = f"http://{service}/" if program == URLLIB else str(service)
    ended = run(kind, folder, f"python3 ask.py {where}", reach=(service,))
    assert "greetings" in said(ended)
    assert ended.refused == ()


def test_another_address_is_refused_and_named(kind, folder, service):
    (folder / "ask.py").write_text(URLLIB)
    ended = run(kind, folder, "python3 ask.py http://evil.example/", reach=(service,))
    assert "403" in said(ended)
    assert ended.refused == ("evil.example:80",)


def test_an_address_that_is_not_named_is_not_there(kind, folder, service):
    (folder / "ask.py").write_text(NO_PROXY_KNOWN)
    for reach in ((), (Address("127.0.0.1", 1),)):
        assert "greetings" not in said(run(kind, folder, f"python3 ask.py {service}", reach=reach))


def test_the_machines_network_is_there_where_it_was_opened(kind, folder, service):
    (folder / "ask.py").write_text(NO_PROXY_KNOWN)
    assert "greetings" in said(run(kind, folder, f"python3 ask.py {service}", host_network=True))
    isolation = Sandbox(wanted=kind).isolation(host_network=True)
    assert "network isolation (opened by name)" in isolation.missing
    assert not any(layer.startswith("network") for layer in isolation.layers)


def test_with_the_machines_network_open_a_unix_socket_elsewhere_is_still_out_of_reach(kind, folder):
    ask = "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(sys.argv[1]); print('reached')"
    with tempfile.TemporaryDirectory(dir="/var/tmp") as elsewhere, socket.socket(socket.AF_UNIX) as server:
        place = f"{elsewhere}/engine.sock"
        server.bind(place)
        server.listen()
        outside = subprocess.run(["python3", "-c", ask, place], capture_output=True, text=True, check=False, timeout=30)
        assert outside.stdout == "reached\n", "the control"
        inside = said(run(kind, folder, f'python3 -c "{ask}" {place}', host_network=True))
    assert "reached" not in inside


def test_who_knows_no_proxy_finds_a_named_host_by_its_name(folder):
    if why := why_not_bubblewrap():
        pytest.skip(why)
    ended = run(Kind.BUBBLEWRAP, folder, "getent hosts packages.example", reach=(Address("packages.example", 443),))
    assert said(ended).split() == ["127.0.1.1", "packages.example"]


def test_too_much_memory_ends_it(kind, folder):
    (folder / "hold.py").write_text("import time; held = bytearray(200 << 20); time.sleep(60)")
    script = "python3 hold.py & python3 hold.py"
    ended = run(kind, folder, script, bounds=Bounds(memory=300 * 2**20))
    assert ended.exceeded == "it used more than 300 MiB of memory"
    assert (ended.finished.cancelled, ended.finished.timed_out) == (False, False)


def test_a_single_process_gets_no_more_memory_than_the_bound(kind, folder):
    ended = run(kind, folder, "python3 -c 'x = bytearray(400 << 20)'", bounds=Bounds(memory=300 * 2**20))
    assert "MemoryError" in said(ended)


def test_too_many_processes_end_it(kind, folder):
    ended = run(kind, folder, "for i in $(seq 60); do sleep 60 & done; wait", bounds=Bounds(processes=40))
    kept_small = "fork: retry: Resource temporarily unavailable" in said(ended)
    assert ended.exceeded == "it had more than 40 processes" or kept_small


def test_a_file_that_is_too_long_is_not_written(kind, folder):
    run(kind, folder, "head -c 3000000 /dev/zero > long", bounds=Bounds(file=2**20))
    assert (folder / "long").stat().st_size == 2**20


def test_a_program_that_is_not_there_cannot_be_started(kind, folder):
    command = Command(argv=("no-such-program",), cwd=folder, env=clean_environment())
    with pytest.raises(FileNotFoundError):
        Sandbox(wanted=kind).run(command, Room(writable=(folder,)))


def test_toolchains_of_the_operator_are_found_and_others_are_not_looked_for(kind, folder, tmp_path):
    for name in ("mine", "other"):
        program = tmp_path / name / "bin" / f"program-{name}"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho I am {name}\n")
        program.chmod(0o755)
    path = f"{tmp_path}/other/bin:{tmp_path}/mine/bin:/usr/bin:/bin"
    command = Command(
        argv=("/bin/bash", "-c", "program-mine; program-other"), cwd=folder, env=clean_environment(PATH=path)
    )
    ended = Sandbox(wanted=kind, readable=(tmp_path / "mine",)).run(command, Room(writable=(folder,)))
    assert ended.finished.stdout == b"I am mine\n"
    assert ended.finished.returncode == 127


def git(*words: object, cwd: Path) -> str:
    fixed = ("-c", "user.name=a", "-c", "user.email=a@b")
    return subprocess.run(("git", *fixed, *map(str, words)), cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def worktrees(tmp_path: Path) -> tuple[Path, Path]:
    bare, one, two = tmp_path / "bare.git", tmp_path / "one", tmp_path / "two"
    git("init", "-q", "--bare", bare, cwd=tmp_path)
    empty = git("hash-object", "-t", "tree", "-w", "--stdin", cwd=bare).strip()
    commit = git("commit-tree", "-m", "first", empty, cwd=bare).strip()
    for tree in (one, two):
        git("worktree", "add", "-q", "--detach", tree, commit, cwd=bare)
    return one, two


def test_git_can_look_in_a_worktree_and_change_nothing_of_its_repository(kind, worktrees):
    one, two = worktrees
    (one / "new").write_text("x")
    found = GitFolders.of(one)
    script = f"git status --short; git log --format=%s; git add -A; git commit -qm x; ls {two} {two.parent}/bare.git/worktrees"
    ended = run(
        kind, one, f"git config --global safe.directory '*'; {script}", readable=found.readable, hidden=found.hidden
    )
    assert "?? new" in said(ended)
    assert "first" in said(ended)
    assert "two\n" not in ended.finished.stdout.decode()
    assert git("status", "--short", cwd=one).splitlines() == ["?? .gitconfig", "?? new"]


def test_a_worktree_that_names_another_folder_as_its_repository_gets_none(worktrees, tmp_path):
    one, two = worktrees
    assert GitFolders.of(one).readable
    secret = tmp_path / "tokens" / "worktrees" / "x"
    secret.mkdir(parents=True)
    for claimed in (f"gitdir: {secret}", (two / ".git").read_text(), "gitdir: /", "\0", ""):
        (one / ".git").write_text(claimed)
        assert GitFolders.of(one) == GitFolders()


def test_where_nothing_isolates_strict_refuses_and_else_it_is_said(folder):
    command = Command(argv=("true",), cwd=folder, env=clean_environment())
    with pytest.raises(NeedsHuman, match="install bubblewrap"):
        Sandbox(wanted=Kind.NONE, strict=True).run(command, Room(writable=(folder,)))
    lax = Sandbox(wanted=Kind.NONE)
    assert lax.run(command, Room(writable=(folder,))).finished.returncode == 0
    assert {"network isolation", "filesystem isolation"} <= set(lax.isolation().missing)


def test_the_layers_say_what_is_reached(kind, service):
    sandbox = Sandbox(wanted=kind)
    assert "network: none" in sandbox.isolation().layers
    assert f"network: only {service}" in sandbox.isolation(reach=(service,)).layers
    assert "limits: 4096 MiB, 512 processes, time, output" in sandbox.isolation().layers


def test_without_bubblewrap_the_other_kind_is_taken_and_why_is_known(tmp_path):
    if why := why_not_landlock():
        pytest.skip(why)
    for program in ("setpriv", "env", "sh", "true"):
        (tmp_path / program).symlink_to(shutil.which(program) or program)
    script = "from oneshot_dagster.system.sandbox.kinds import working; found = working(); print(found.kind, found.why)"
    done = subprocess.run(
        (sys.executable, "-c", script),
        env={"PATH": str(tmp_path), "PYTHONPATH": str(Path(oneshot_dagster.__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "landlock bubblewrap does not start: No such file or directory\n"


ENGINE = """
from oneshot_dagster.system.sandbox.kinds import Kind
from oneshot_dagster.system.sandbox.room import Room
from oneshot_dagster.system.sandbox.sandbox import Sandbox
Sandbox(wanted=Kind("{kind}")).run(sh("python3 leave.py; sleep 600", timeout=600.0), Room(writable=(here,)))
"""
LEAVE = """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", {words!r}, {{}})
    os._exit(0)
os.wait()
"""


def test_what_hid_from_us_ends_too_when_the_engine_is_killed(kind, folder):
    sleep = sleeper()
    (folder / "leave.py").write_text(LEAVE.format(words=sleep.split()))
    engine = Engine(ENGINE.format(kind=kind), folder)
    try:
        assert eventually(lambda: living(sleep))
    finally:
        engine.kill()
    assert eventually(lambda: not living(sleep))
