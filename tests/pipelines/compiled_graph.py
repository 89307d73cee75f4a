"""A compiled pipeline without its layers: every step, what it waits for, and where its arguments come from."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def documents(path):
    """What a compiled file holds; nobody changes it."""
    return [document for document in yaml.load_all(path.read_text(), LOADER) if document]


@dataclass(frozen=True, kw_only=True)
class CompiledStep:
    """One step of a compiled pipeline.

    `layers` are the graphs' tasks around it, outermost first; `waits_for` names all steps that end before it.
    """

    name: str
    task: dict[str, Any]
    container: dict[str, Any]
    placed: dict[str, Any]
    layers: tuple[dict[str, Any], ...]
    waits_for: frozenset[str]

    @property
    def shown(self):
        return self.task["taskInfo"]["name"]

    @property
    def path(self):
        """Names of the layers around it, as people see them."""
        return tuple(layer["taskInfo"]["name"] for layer in self.layers)

    def argument(self, name):
        return self.origin(self.task["inputs"]["parameters"][name])

    def origin(self, said):
        """Where a value comes from: `form NAME`, `STEP.OUTPUT`, or the constant itself."""
        for layer in reversed(self.layers):
            if "componentInputParameter" not in said:
                break
            said = layer["inputs"]["parameters"][said["componentInputParameter"]]
        if "componentInputParameter" in said:
            return f"form {said['componentInputParameter']}"
        if "taskOutputParameter" in said:
            produced = said["taskOutputParameter"]
            return f"{produced['producerTask']}.{produced['outputParameterKey']}"
        return said["runtimeValue"]["constant"]

    def asked(self, resource):
        """Where what it asks of a node comes from: `CpuRequest`, `MemoryLimit` ..."""
        return self._text(self.container["resources"][f"resource{resource}"])

    @property
    def gpus(self):
        asked = self.container["resources"].get("accelerator")
        return None if asked is None else self._text(asked["resourceCount"])

    def _text(self, text):
        begin, end = "{{$.inputs.parameters['", "']}}"
        if not text.startswith(begin):
            return text
        return self.argument(text.removeprefix(begin).removesuffix(end))


def steps_of(found):
    """The steps of a compiled pipeline, by the names of their executors, which are different for each."""
    specification = found[0]
    steps: dict[str, CompiledStep] = {}
    _walk(found, specification["root"]["dag"]["tasks"], (), frozenset(), steps)
    return steps


def _walk(found, tasks, layers, before, steps):
    """Add the steps of a graph; returns the names of all of them."""
    components = found[0]["components"]
    containers = found[0]["deploymentSpec"]["executors"]
    placed = found[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    ended: dict[str, frozenset[str]] = {}
    while len(ended) < len(tasks):
        for name, task in tasks.items():
            dependencies = task.get("dependentTasks", [])
            if name in ended or not set(dependencies) <= set(ended):
                continue
            waits_for = before.union(*(ended[dependency] for dependency in dependencies))
            component = components[task["componentRef"]["name"]]
            if "dag" in component:
                own = _walk(found, component["dag"]["tasks"], (*layers, task), waits_for, steps)
            else:
                label = component["executorLabel"]
                step = CompiledStep(
                    name=label.removeprefix("exec-"),
                    task=task,
                    container=containers[label]["container"],
                    placed=placed[label],
                    layers=layers,
                    waits_for=waits_for,
                )
                assert step.name not in steps
                steps[step.name] = step
                own = frozenset({step.name})
            ended[name] = own | waits_for
    return frozenset().union(*ended.values())
