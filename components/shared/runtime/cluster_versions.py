"""What a cluster must have at least, of each program, and what is lost below that: one table for code and people.

`docs/cluster.md` shows it; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import re
from typing import Literal

Program = Literal["kfp", "argo", "kserve", "trainer", "kueue", "kubernetes"]

_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """A version, and what a cluster with an older one does.

    Attributes
    ----------
    least
        The version: 0.16 for one.
    below
        What happens with an older one; a sentence without its full stop.
    is_needed
        Whether nothing of the project that uses the program works below it.
    """

    least: str
    below: str
    is_needed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """What is asked of a program: its name for people, and its floors, the lowest first."""

    title: str
    floors: tuple[Floor, ...]

    @property
    def least(self) -> str:
        """The version below which what it is for does not work; where there is none, the lowest floor."""
        return next((floor.least for floor in reversed(self.floors) if floor.is_needed), self.floors[0].least)

    def asked(self) -> str:
        """The program with its version: `Kubeflow Trainer 2.2 or newer`."""
        return f"{self.title} {self.least} or newer"


REQUIREMENTS: Mapping[Program, Requirement] = {
    "kfp": Requirement(
        title="Kubeflow Pipelines",
        floors=(
            Floor(
                least="2.15",
                below="steps do not start where a secret that may be absent is absent",
                is_needed=True,
            ),
            Floor(
                least="2.16",
                below="steps run as their image's user unasked, and where pod security is restricted they are refused",
            ),
        ),
    ),
    "argo": Requirement(
        title="Argo Workflows",
        floors=(
            Floor(least="3.5", below="no Kubeflow Pipelines that we ask for supports it", is_needed=True),
            Floor(least="3.7", below="Kubeflow Pipelines 2.17 does not support it, 2.16 does"),
        ),
    ),
    "kserve": Requirement(
        title="KServe",
        floors=(
            Floor(
                least="0.16",
                below="the deployment mode Standard is not known, and a release gets the cluster's default, Knative",
                is_needed=True,
            ),
            Floor(least="0.20", below="there are no canaries in Standard mode"),
        ),
    ),
    "trainer": Requirement(
        title="Kubeflow Trainer",
        floors=(
            Floor(
                least="2.2",
                below="the TrainJob is refused, for it says what its nodes mount and who they run as by runtimePatches",
                is_needed=True,
            ),
        ),
    ),
    "kueue": Requirement(
        title="Kueue",
        floors=(
            Floor(least="0.15", below="there is no LocalQueue of v1beta2, and the queue is refused", is_needed=True),
            Floor(
                least="0.16",
                below="steps do not wait in the queue unless an administrator has added pod to its integrations",
            ),
            Floor(least="0.17", below="it knows no TrainJob of Kubeflow Trainer 2.2 or newer: take the profile gpu"),
        ),
    ),
    "kubernetes": Requirement(
        title="Kubernetes",
        floors=(
            Floor(
                least="1.27",
                below="unknown fields are dropped where they should be refused",
                is_needed=True,
            ),
        ),
    ),
}


def version_numbers(text: str) -> tuple[int, ...]:
    """The numbers of a version: 1, 37, 2 of `v1.37.2+k3s1`.

    Raises
    ------
    ValueError
        If it does not begin with a version.
    """
    found = _NUMBERS.match(text.strip())
    if found is None:
        raise ValueError(f"a version must begin with numbers, like v1.37.2, got {text!r}")
    return tuple(int(number) for number in found[1].split("."))


def unmet_floors(program: Program, version: str) -> list[Floor]:
    """The floors that a cluster's version of a program does not reach, the lowest first.

    Parameters
    ----------
    version
        As the program says it: `v0.16.0` for one.

    Raises
    ------
    ValueError
        If `version` is none.
    """
    found = version_numbers(version)
    return [floor for floor in REQUIREMENTS[program].floors if found < version_numbers(floor.least)]


def too_old(program: Program) -> str:
    """What to do where a cluster does not know what is asked of a program: part of a sentence."""
    return f"{REQUIREMENTS[program].asked()} is needed: have it installed or upgraded"
