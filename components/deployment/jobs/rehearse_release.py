"""The rehearsal of a release on this machine."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import logging
from pathlib import Path

from components.deployment.canary.judge import CanaryJudge, Decision
from components.deployment.canary.replayed_traffic import ReplayedTraffic
from components.deployment.canary.report import rehearsal_report, unwatched_report
from components.deployment.canary.splitting_proxy import SplittingProxy
from components.deployment.canary.watched_block import WatchedBlock
from components.shared.contracts.bundle import read_config
from components.shared.contracts.canary_settings import CanarySettings
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.verdict import Finding, Verdict, write_verdict
from components.shared.runtime.atomic_files import write_json
from components.shared.served_model.child_server import MODEL_NAME, running_server, RunningServer, ServerStartError
from components.shared.served_model.held_out_examples import held_out_examples, true_classes
from components.shared.served_model.inference_client import InferenceClientError, LOOPBACK

logger = logging.getLogger(__name__)

CHECK = "canary"
# A desk has not the traffic of a cluster.
REHEARSED = CanarySettings(steps=(20, 50), requests_a_step=100)
BLOCK_REQUESTS = 40
_READY_TIMEOUT_S = 180.0
_NUM_EXAMPLES = 512


@dataclass(frozen=True, kw_only=True, slots=True)
class RehearsalResult:
    """What a rehearsal came to.

    Attributes
    ----------
    promoted
        Whether the candidate was promoted; else it was rolled back.
    reason
        Why, one sentence.
    requests
        Requests of both sides until then.
    """

    promoted: bool
    reason: str
    requests: int


def rehearse_release(
    *,
    stable_path: str | Path,
    candidate_path: str | Path,
    examples_path: str | Path,
    predictions_path: str | Path,
    output_path: str | Path,
    settings: CanarySettings | None = None,
    seed: int = 0,
) -> RehearsalResult:
    """Serve two releases on loopback, split traffic between them step by step, and judge the candidate.

    Traffic are held-out examples, asked over and over; their labels say which answers are wrong. The stable release
    answers whatever the candidate does not get, before, while and after it is rolled back. A candidate that does not
    become ready, or answers something else, is rolled back. `output_path` gets `report.html`, `verdict.json` and
    `judge.json`, what the judge has seen.

    Parameters
    ----------
    stable_path, candidate_path
        Two bundles that take and answer the same.
    examples_path, predictions_path
        The example table and the predictions of one of the models: which examples are held out.
    output_path
        A folder.
    settings
        Steps and tolerances of the canary; by default those of `CanarySettings`.
    seed
        Of the choice which request goes where.

    Raises
    ------
    ValueError
        If the tables cannot be used, a bundle is damaged, or the stable release cannot be served.
    FileNotFoundError
        If a bundle or a table does not exist.
    """
    held_out = held_out_examples(ExampleTable(examples_path), PredictionsTable(predictions_path), at_most=_NUM_EXAMPLES)
    labels = true_classes(ExampleTable(examples_path), held_out)
    repairs = read_config(stable_path).repairs
    read_config(candidate_path)
    output = Path(output_path)
    output.mkdir(parents=True, exist_ok=True)
    blocks: list[WatchedBlock] = []
    log = ""
    with _stable_server(stable_path) as stable:
        try:
            with (
                running_server(candidate_path, ready_timeout_s=_READY_TIMEOUT_S) as candidate,
                SplittingProxy(
                    stable=(LOOPBACK, stable.http_port), canary=(LOOPBACK, candidate.http_port), seed=seed
                ) as proxy,
            ):
                traffic = ReplayedTraffic(held_out, labels, port=proxy.port, model_name=MODEL_NAME, repairs=repairs)
                judge = CanaryJudge(settings or CanarySettings(), traffic.kinds)
                blocks = _judged(judge, traffic, proxy)
            decision = blocks[-1].decision
        except (ServerStartError, InferenceClientError) as error:
            log = error.log_end if isinstance(error, ServerStartError) else ""
            decision = Decision(action="roll back", percent=0, reason=f"it cannot be watched: {error}")
    verdict = _verdict(decision)
    requests = sum(block.canary.requests + block.stable.requests for block in blocks)
    if blocks:
        write_json(output / "judge.json", {"bounds": judge.bounds, "evidence": judge.evidence, "seen": judge.state()})
        report = rehearsal_report(verdict, blocks, judge)
    else:
        report = unwatched_report(verdict, log=log)
    report.write(output / "report.html")
    write_verdict(output / "verdict.json", verdict)
    logger.info("%s after %d requests: %s", decision.action, requests, decision.reason)
    return RehearsalResult(promoted=verdict.passed, reason=decision.reason, requests=requests)


@contextlib.contextmanager
def _stable_server(path: str | Path) -> Iterator[RunningServer]:
    """The stable release's server; ValueError where it does not become ready: there is nothing to compare with."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running_server(path, ready_timeout_s=_READY_TIMEOUT_S))
        except ServerStartError as error:
            raise ValueError(f"the stable release at {path} must be served, but: {error}") from error
        yield server


def _judged(judge: CanaryJudge, traffic: ReplayedTraffic, proxy: SplittingProxy) -> list[WatchedBlock]:
    """Blocks until the judge promotes the candidate or rolls it back."""
    blocks: list[WatchedBlock] = []
    percent = judge.percent
    while not blocks or blocks[-1].decision.action in ("wait", "next step"):
        proxy.percent = percent
        sides = traffic.block(BLOCK_REQUESTS)
        decision = judge.judge(sides["canary"], sides["stable"])
        blocks.append(
            WatchedBlock(
                percent=percent,
                canary=sides["canary"],
                stable=sides["stable"],
                evidence=judge.evidence,
                decision=decision,
            )
        )
        percent = decision.percent
    proxy.percent = percent
    return blocks


def _verdict(decision: Decision) -> Verdict:
    if decision.action == "promote":
        return Verdict(check=CHECK, passed=True, reason=f"promoted: {decision.reason}")
    reason = f"rolled back: {decision.reason}"
    finding = Finding(kind="quality", severity="blocking", message=reason, remedy="look at what the candidate answers")
    return Verdict(check=CHECK, passed=False, reason=reason, findings=(finding,))
