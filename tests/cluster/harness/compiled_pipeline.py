"""A compiled pipeline as Kubeflow Pipelines reads it: which step follows which, and what each is given.

Every name comes from the YAML, graphs within graphs included, so that a pipeline of any shape is walked. The step of an
exit handler runs also where one before it has failed. A condition that compares a parameter with a text is held to it;
loops and other conditions are not known here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
import re
from typing import Any, TypeAlias

import yaml

Spec: TypeAlias = Mapping[str, Any]
_CONDITION = re.compile(r"inputs\.parameter_values\['([^']+)'\] (==|!=) '([^']*)'")
_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")


class StepError(RuntimeError):
    """A step of a pipeline has failed; the message has the end of its log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """What a graph or a step is given, or gives."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A step whose inputs are there.

    Attributes
    ----------
    name
        Where it is: the names of the graphs around it and its own, joined by points.
    executor
        What its container is.
    platform
        What it asks of Kubernetes.
    component
        Its inputs and outputs by name and type.
    inputs
        What it is given.
    resolve
        The value of what `platform` refers to: parameters of the graph around, outputs of steps beside.
    may_be_cached
        Whether an earlier run's outputs may stand for it.
    """

    name: str
    executor: Spec
    platform: Spec
    component: Spec
    inputs: Values
    resolve: Callable[[Spec], Any]
    may_be_cached: bool

    def filled(self, text: str) -> str:
        """A text of the executor with the step's inputs in their places."""
        return _PLACEHOLDER.sub(lambda found: str(self.inputs.parameters.get(found[1], "")), text)


Run: TypeAlias = Callable[[Step], Values]


class CompiledPipeline:
    """A pipeline and its platform's half, from the file that kfp has compiled."""

    def __init__(self, file: Path) -> None:
        self.spec, *platforms = yaml.safe_load_all(file.read_text(encoding="utf-8"))
        self.executors: Spec = self.spec["deploymentSpec"]["executors"]
        found = platforms[0]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if platforms else {}
        self.platforms: Spec = found

    def run(self, arguments: Mapping[str, Any], run_step: Run) -> None:
        """Run every step as soon as what it needs is there, one after the other, each by `run_step`.

        Raises
        ------
        StepError
            If a step fails; those after it do not run, but for an exit handler's.
        """
        root = self.spec["root"]
        given = Values(parameters={**_defaults(root), **arguments})
        self._run_graph(root["dag"], given, run_step, "")

    def _run_graph(self, graph: Spec, given: Values, run_step: Run, prefix: str) -> dict[str, Values]:
        done: dict[str, Values] = {}
        failure: StepError | None = None
        for name in _in_order(graph["tasks"]):
            task = graph["tasks"][name]
            at_exit = task.get("triggerPolicy", {}).get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED"
            if failure is None or at_exit:
                status = {"state": "FAILED", "error": {"message": str(failure)}} if failure else {"state": "SUCCEEDED"}
                try:
                    found = self._run_task(name, task, given, done, status, run_step, prefix)
                    done |= {} if found is None else {name: found}
                except StepError as error:
                    failure = failure or error
        if failure is not None:
            raise failure
        return done

    def _run_task(
        self,
        name: str,
        task: Spec,
        given: Values,
        done: Mapping[str, Values],
        status: Spec,
        run_step: Run,
        prefix: str,
    ) -> Values | None:
        """What a task gives; None where its condition does not hold."""
        if {"iteratorTask", "artifactIterator", "parameterIterator"} & task.keys():
            raise ValueError(f"a step must run once here, {prefix}{name} loops")
        component = self.spec["components"][task["componentRef"]["name"]]
        inputs = _inputs(task, component, given, done, status)
        if not _holds(task.get("triggerPolicy", {}).get("condition"), inputs):
            return None
        if "dag" in component:
            inner = self._run_graph(component["dag"], inputs, run_step, f"{prefix}{name}.")
            return _graph_outputs(component["dag"].get("outputs", {}), inner)
        label = component["executorLabel"]
        step = Step(
            name=prefix + name,
            executor=self.executors[label]["container"],
            platform=self.platforms.get(label, {}),
            component=component,
            inputs=inputs,
            resolve=lambda source: _resolved(source, given, done),
            may_be_cached=bool(task.get("cachingOptions", {}).get("enableCache")),
        )
        return run_step(step)


def _holds(condition: str | None, inputs: Values) -> bool:
    if condition is None:
        return True
    found = _CONDITION.fullmatch(condition)
    if found is None:
        raise ValueError(f"a condition must compare a parameter with a text here, got {condition}")
    name, comparison, text = found.groups()
    return (str(inputs.parameters[name]) == text) == (comparison == "==")


def _in_order(tasks: Spec) -> list[str]:
    """Names of tasks, each after those that it waits for."""
    ordered: list[str] = []

    def add(name: str) -> None:
        for before in sorted(_needed(tasks[name])):
            add(before)
        if name not in ordered:
            ordered.append(name)

    for name in tasks:
        add(name)
    return ordered


def _needed(task: Spec) -> set[str]:
    inputs = task.get("inputs", {})
    sources = [*inputs.get("parameters", {}).values(), *inputs.get("artifacts", {}).values()]
    return {*task.get("dependentTasks", []), *_producers(sources)}


def _producers(sources: list[Spec]) -> Iterator[str]:
    for source in sources:
        for kind in ("taskOutputParameter", "taskOutputArtifact", "taskFinalStatus"):
            if kind in source:
                yield source[kind]["producerTask"]


def _inputs(task: Spec, component: Spec, given: Values, done: Mapping[str, Values], status: Spec) -> Values:
    """What a task is given; a constant text may hold other parameters of the same task."""
    asked = task.get("inputs", {})
    found = {
        key: status if "taskFinalStatus" in source else _resolved(source, given, done)
        for key, source in asked.get("parameters", {}).items()
    }
    filled = {
        key: _PLACEHOLDER.sub(lambda other: str(found[other[1]]), value) if isinstance(value, str) else value
        for key, value in found.items()
    }
    artifacts = {key: _resolved(source, given, done) for key, source in asked.get("artifacts", {}).items()}
    return Values(
        parameters={**_defaults(component), **filled},
        artifacts={key: value for key, value in artifacts.items() if value is not None},
    )


def _resolved(source: Spec, given: Values, done: Mapping[str, Values]) -> Any:
    """The value that a task's input, or its platform's half, refers to."""
    if "runtimeValue" in source:
        return source["runtimeValue"]["constant"]
    if "componentInputParameter" in source:
        return given.parameters.get(source["componentInputParameter"])
    if "componentInputArtifact" in source:
        return given.artifacts.get(source["componentInputArtifact"])
    if "taskOutputParameter" in source:
        wanted = source["taskOutputParameter"]
        return done[wanted["producerTask"]].parameters[wanted["outputParameterKey"]]
    if "taskOutputArtifact" in source:
        wanted = source["taskOutputArtifact"]
        return done[wanted["producerTask"]].artifacts[wanted["outputArtifactKey"]]
    raise ValueError(f"an input must be a constant, an input of the graph or an output beside, got {source}")


def _defaults(component: Spec) -> dict[str, Any]:
    parameters = component.get("inputDefinitions", {}).get("parameters", {})
    return {name: each["defaultValue"] for name, each in parameters.items() if "defaultValue" in each}


def _graph_outputs(outputs: Spec, inner: Mapping[str, Values]) -> Values:
    parameters, artifacts = {}, {}
    for name, each in outputs.get("parameters", {}).items():
        source = each["valueFromParameter"]
        parameters[name] = inner[source["producerSubtask"]].parameters[source["outputParameterKey"]]
    for name, each in outputs.get("artifacts", {}).items():
        (source,) = each["artifactSelectors"]
        artifacts[name] = inner[source["producerSubtask"]].artifacts[source["outputArtifactKey"]]
    return Values(parameters=parameters, artifacts=artifacts)
