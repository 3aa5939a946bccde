"""`probing.py KIND CARRIER FOLDER`: runs every probe through a suite or a command agent, as the account that this runs as.
Prints as JSON the names of the probes that reached their aim."""

import json
import sys
from pathlib import Path

from sandbox_probes import planted, probes

from oneshot_dagster.services.agent.command import CommandAgent
from oneshot_dagster.services.agent.protocol import AgentRequest
from oneshot_dagster.services.suites.local import LocalSuites
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.system.sandbox.kinds import Kind
from oneshot_dagster.system.sandbox.sandbox import Sandbox


def main(kind: str, carrier: str, place: Path) -> None:
    sandbox = Sandbox(wanted=Kind(kind))
    reached, said = [], {}
    with planted(place) as world:
        scratch = world.home / "scratch"
        for probe in probes(world):
            if carrier == "suite":
                suites = LocalSuites(scratch=scratch, sandbox=sandbox)
                request = SuiteRequest(suite="x", command=probe.script, folder=world.own, sha="0" * 40, timeout=60)
                text = suites.run(request, say=lambda _: None, cancelled=lambda: False).log_tail
            else:
                agent = CommandAgent(command=("/bin/bash", "-s"), scratch=scratch, sandbox=sandbox)
                asked = AgentRequest(worktree=world.own, prompt=probe.script, resume=None, wall=60, stall=60)
                text = agent.run(asked, on_event=lambda _: None, cancelled=lambda: False).log.decode(errors="replace")
            said[probe.name] = text[-500:]
            if probe.reached(text):
                reached.append(probe.name)
        names = [probe.name for probe in probes(world)]
    sys.stdout.write(json.dumps({"reached": reached, "all": names, "said": said}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
