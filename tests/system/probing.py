"""`probing.py KIND CARRIER FOLDER`: runs every probe through a suite, a command agent or Codex, as the account that this runs as.
Prints as JSON the names of the probes that reached their aim, or why Codex was not started and what its model was asked by then."""

import json
import subprocess
import sys
from pathlib import Path

from sandbox_probes import World, have_been_heard, planted, probes

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.local.model.items import message, shell
from oneshot_dagster.local.model.script import Reply
from oneshot_dagster.local.model.server import model_server
from oneshot_dagster.services.agent.codex import CodexAgent
from oneshot_dagster.services.agent.command import CommandAgent
from oneshot_dagster.services.agent.protocol import AgentRequest
from oneshot_dagster.services.suites.local import LocalSuites
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.system.codex.home import Provider
from oneshot_dagster.system.sandbox.kinds import Kind
from oneshot_dagster.system.sandbox.sandbox import Sandbox


def main(kind: str, carrier: str, place: Path) -> None:
    sandbox = Sandbox(wanted=Kind(kind))
    reached, said = [], {}
    with planted(place) as world:
        scratch, asked_of_codex = world.home / "scratch", iter(by_codex(world) if carrier == "codex" else ())
        for probe in probes(world):
            if carrier == "codex":
                text = next(asked_of_codex)
            elif carrier == "suite":
                suites = LocalSuites(scratch=scratch, sandbox=sandbox)
                request = SuiteRequest(suite="x", command=probe.script, folder=world.own, sha="0" * 40, timeout=60)
                text = suites.run(request, say=lambda _: None, cancelled=lambda: False).log_tail
            else:
                agent = CommandAgent(command=("/bin/bash", "-s"), scratch=scratch, sandbox=sandbox)
                asked = AgentRequest(worktree=world.own, prompt=probe.script, resume=None, wall=60, stall=60)
                text = agent.run(asked, on_event=lambda _: None, cancelled=lambda: False).log.decode(errors="replace")
            said[probe.name] = text[-500:]
            if not probe.late and probe.reached(text):
                reached.append(probe.name)
        late = [probe for probe in probes(world) if probe.late]
        have_been_heard(world)
        reached += [probe.name for probe in late if probe.reached(said[probe.name])]
        names = [probe.name for probe in probes(world)]
    sys.stdout.write(json.dumps({"reached": reached, "all": names, "said": said}))


def by_codex(world: World) -> list[str]:
    """What each probe printed to the model, which runs them one after the other."""
    subprocess.run(("git", "init", "--quiet", str(world.own)), check=True)
    turns = [Reply(shell(probe.script, yield_time_ms=30000)) for probe in probes(world)]
    with model_server(*turns, Reply(message("done"))) as server:
        provider = Provider(base_url=server.base_url(), model="gpt-5.5", has_key=True)
        agent = CodexAgent(provider=provider, scratch=world.home / "scratch", key=lambda: world.secrets["environment"])
        asked = AgentRequest(worktree=world.own, prompt="go on", resume=None, wall=100, stall=60)
        try:
            ended = agent.run(asked, on_event=lambda _: None, cancelled=lambda: False)
        except NeedsHuman as refused:
            told = {"refused": refused.reason, "said": str(refused), "asked": len(server.requests())}
            sys.stdout.write(json.dumps(told))
            raise SystemExit(0) from None
        outputs = server.requests()[-1].outputs
    assert len(outputs) == len(turns), ended.log.decode(errors="replace")[-3000:]
    return list(outputs)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
