"""The console script `pluszero`: one door to the commands of every family and of the pipelines.

Each subcommand takes the place of this process with the family's own `python -m`, in the environment that stands for
the family's image: arguments, output, signals and exit status are that command's. Only the standard library is used
here, so that help comes at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import difflib
import os
import sys
from typing import NoReturn

from components.shared.runtime.container_images import image
from pipelines.local.environments import DESK, interpreter_in, interpreter_of
from pipelines.local.image_source import REPOSITORY

_BAD_INPUT = 2
_PIPELINES = "pipelines"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subcommand:
    """A subcommand: the module whose `python -m` it starts, the words that come first, and a line of help.

    `image` is the short name of the family's image; pipelines have none.
    """

    module: str
    words: tuple[str, ...]
    help: str
    image: str | None = None

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The process to become. `-P`: a folder `components` where it is called from does not hide this project's."""
        interpreter = interpreter_in(DESK) if self.image is None else interpreter_of(image(self.image))
        return [str(interpreter), "-P", "-m", self.module, *self.words, *arguments]


def _pipeline(name: str, text: str) -> Subcommand:
    return Subcommand(module=_PIPELINES, words=(name,), help=text)


def _family(family: str, image_name: str, words: str, text: str) -> Subcommand:
    return Subcommand(module=f"components.{family}", words=tuple(words.split()), help=text, image=image_name)


SUBCOMMANDS = {
    "run": _pipeline("run", "Run the training pipeline on this machine."),
    "smoke": _pipeline("smoke", "Run the training pipeline on mock data of each modality."),
    "search": _pipeline("search", "Find the augmentation policy that images are learnt best with."),
    "monitor": _pipeline("monitor", "Hold a window of served traffic against what its model was trained on."),
    "label": _pipeline("label", "Choose what people label next, and write the queue for them."),
    "learn": _pipeline("learn", "Train on what people labelled in a queue."),
    "compile": _pipeline("compile", "Compile the pipelines to YAML."),
    "image": _pipeline("image", "Build images with your own code, from the project's."),
    "submit": _pipeline("submit", "Upload a compiled pipeline to Kubeflow Pipelines, and run it."),
    "mock-data": _family("mock_data", "training", "make", "Make data from a schema."),
    "ingest": _family("data_ingestion", "training", "ingest", "Write the example table of a data source."),
    "rehearse": _family("deployment", "serving", "rehearse", "Rehearse a release beside the one in use."),
    "rehearse-run": _family("deployment", "serving", "rehearse-run", "Rehearse beside what a run here published."),
    "deploy": _family("deployment", "serving", "deploy", "Bring a release live on a cluster, watched by a judge."),
    "rollback": _family("deployment", "serving", "rollback", "Take a canary, or the release in use, back."),
    "labels": _family("data_ingestion", "training", "labels", "Join late labels to what was served."),
    "collect-examples": _family("data_ingestion", "training", "collect", "Turn what was served into examples."),
    "fingerprint": _family("data_ingestion", "training", "fingerprint", "Print the fingerprint of a data source."),
    "validate": _family("data_validation", "validation", "validate", "Validate an example table or any table."),
    "compare": _family("data_validation", "validation", "compare", "Compare two tables: has anything changed?"),
    "statistics": _family("data_validation", "validation", "statistics", "Compute TFDV's statistics of a table."),
    "schema": _family("data_validation", "validation", "schema", "Infer, compare or evolve a schema."),
    "sufficiency": _family("data_validation", "validation", "sufficiency", "Say whether there are data enough."),
    "features": _family("feature_engineering", "training", "build", "Build the feature store of an example table."),
    "embed": _family("feature_engineering", "training", "embed", "Turn images into vectors."),
    "preflight": _family("training", "training", "preflight", "Check that this machine has a GPU that works."),
    "smoke-test": _family("training", "training", "smoke", "Look for bugs before a training, and forecast its cost."),
    "train": _family("training", "training", "train", "Train a model."),
    "evaluate": _family("model_analysis", "training", "evaluate", "Evaluate a model on held-out examples."),
    "compare-models": _family(
        "model_analysis", "training", "compare", "Hold a scored model against the champion of its name."
    ),
    "errors": _family("model_analysis", "training", "errors", "Say why a model errs, and what to do first."),
    "label-errors": _family("model_analysis", "training", "rank-label-errors", "Rank labels that may be wrong."),
    "merge-labels": _family("model_analysis", "training", "merge-labels", "Merge corrected labels into a new table."),
    "weak-slices": _family("model_analysis", "training", "weak-slices", "Find slices on which a model errs more."),
    "fairness": _family("model_analysis", "training", "fairness", "Compare how a model treats groups of people."),
    "language-bias": _family("model_analysis", "training", "language-bias", "Ask a text model about people."),
    "score": _family("model_analysis", "training", "score", "Score any examples with a model."),
    "select": _family("active_learning", "training", "select", "Choose what people label next."),
    "compare-labels": _family("active_learning", "training", "compare-labels", "List where labels and model differ."),
    "choose-model": _family("active_learning", "training", "choose-model", "Choose between scored candidates."),
    "simulate": _family("active_learning", "training", "simulate", "Buy labels from an oracle, and draw the curves."),
    "export-queue": _family("active_learning", "training", "export-queue", "Write a queue of examples to label."),
    "import-labels": _family("active_learning", "training", "import-labels", "Merge labels into a new example table."),
    "withdraw-labels": _family("active_learning", "training", "withdraw-labels", "Take back a model version's labels."),
    "pseudo-label": _family("active_learning", "training", "pseudo-label", "Let a model label where that helps."),
    "gate": _family("quality_gate", "validation", "", "Exit as a verdict says."),
    "serve": _family("serving", "serving", "", "Serve a model over REST and gRPC."),
    "collect-log": _family("serving", "serving", "collect", "Receive KServe's payload log, and store it."),
    "forget": _family("serving", "serving", "forget", "Delete rows of a serving log by request or identifier."),
    "probe": _family("serving", "serving", "probe", "Start a model's server, and compare it with the training side."),
    "publish": _family("serving", "serving", "publish", "Publish a model as an immutable release."),
    "releases": _family("serving", "serving", "releases", "List the releases of a model, and its champion."),
    "check-cluster": _family("cluster", "training", "check", "Look at a cluster before a run."),
    "promote": _family("serving", "serving", "promote", "Make a release the champion of its model."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Become the subcommand that is asked for; returns only where there is none: 0 after help, 2 after an error."""
    name, *rest = (sys.argv[1:] if arguments is None else list(arguments)) or ["--help"]
    if name in ("--help", "-h"):
        sys.stdout.write(help_text())
        return 0
    if name not in SUBCOMMANDS:
        return _refused(_unknown(name))
    try:
        command = SUBCOMMANDS[name].command(rest)
    except (FileNotFoundError, ValueError) as error:
        return _refused(str(error))
    return _become(command)


def help_text() -> str:
    """Every subcommand with a line of help."""
    lines = [f"  {name:<14} {subcommand.help}" for name, subcommand in SUBCOMMANDS.items()]
    return "\n".join(
        [
            "Usage: pluszero COMMAND [ARGUMENTS]",
            "",
            *lines,
            "",
            "pluszero COMMAND --help shows what a command takes.",
            "Exit status: 0 it worked, 1 a check failed, 2 the input is wrong.\n",
        ]
    )


def _become(command: list[str]) -> NoReturn:
    paths = [str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    path = os.pathsep.join(dict.fromkeys(filter(None, paths)))
    os.execve(command[0], command, {**os.environ, "PYTHONPATH": path})  # noqa: S606 - no shell is wanted


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, SUBCOMMANDS, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"pluszero must be given one of its commands, got {name!r}: {meant}pluszero --help lists them"


def _refused(sentence: str) -> int:
    sys.stderr.write(f"error: {sentence}\n")
    return _BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
