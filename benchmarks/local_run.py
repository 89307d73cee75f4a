"""What running a pipeline here costs beyond the steps' own processes, and what an unchanged run costs.

Ten gates in a row through `pipelines.local.runner`, beside the same ten jobs as bare processes, in one run:
`.venv/bin/python -m benchmarks.local_run`.
"""

from pathlib import Path
import subprocess
import tempfile
import time

from kfp import compiler, dsl

from components.quality_gate.component import quality_gate
from components.reporting.run_pages.step import Step, Watcher
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.container_images import image
from pipelines.local.environments import interpreter_of
from pipelines.local.runner import REPOSITORY, run_pipeline

NUM_STEPS = 10
_SILENT = Watcher(started=lambda step: None, progressed=lambda step, line: None, ended=lambda step: None)


@dsl.pipeline(name="ten-gates")
def ten_gates(verdict_path: str) -> None:
    verdict = dsl.importer(artifact_uri=verdict_path, artifact_class=dsl.Artifact, reimport=False).output
    before = None
    for _ in range(NUM_STEPS):
        gate = quality_gate(verdict=verdict)
        before = gate.after(before) if before else gate


def bare_processes_s(verdict: Path) -> float:
    code = f"from components.quality_gate.jobs import quality_gate; quality_gate(verdict_path={str(verdict)!r})"
    command = [str(interpreter_of(image("validation"))), "-c", code]
    started = time.perf_counter()
    for _ in range(NUM_STEPS):
        subprocess.run(command, check=True, cwd=REPOSITORY)
    return time.perf_counter() - started


def pipeline_s(package: str, verdict: Path, run_dir: Path) -> tuple[float, list[Step]]:
    steps: list[Step] = []
    started = time.perf_counter()
    run_pipeline(package, {"verdict_path": str(verdict)}, run_dir=run_dir, watcher=_SILENT, steps=steps)
    elapsed = time.perf_counter() - started
    failed = [step for step in steps if step.status != "succeeded"]
    if failed or len(steps) != NUM_STEPS + 1:
        raise RuntimeError(f"void: {len(steps)} steps ran, {len(failed)} of them failed")
    return elapsed, steps


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        verdict = folder / "verdict.json"
        write_verdict(verdict, Verdict(check="benchmark", passed=True, reason="nothing was checked"))
        compiler.Compiler().compile(ten_gates, str(folder / "ten-gates.yaml"))
        package = (folder / "ten-gates.yaml").read_text()
        bare_processes_s(verdict)
        bare = bare_processes_s(verdict)
        first, _ = pipeline_s(package, verdict, folder / "run")
        again, steps = pipeline_s(package, verdict, folder / "run")
        if not all(step.cached for step in steps if step.name.startswith("quality-gate")):
            raise RuntimeError("void: the second run did not come from the cache")
    print(f"ten bare processes      {bare:6.2f} s")
    print(f"ten steps               {first:6.2f} s   {first / bare:.2f} times the bare processes")
    print(f"orchestration a step    {(first - bare) / NUM_STEPS:6.3f} s")
    print(f"ten cached steps        {again:6.2f} s   {again / bare:.2f} times the bare processes")


if __name__ == "__main__":
    main()
