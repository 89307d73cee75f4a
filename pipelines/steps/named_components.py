"""Components under names of their own, where one face is called for several things in one run."""

from dataclasses import replace

from kfp.dsl.python_component import PythonComponent


def under_name(component: PythonComponent, name: str) -> PythonComponent:
    """The same component, called `name`.

    Where several tasks of one layer run the same component, kfp 2.17 mixes their executors up as it merges the layer
    into the run (`_merge_deployment_spec` renames one to a name that the next still has).
    """
    spec = replace(component.component_spec, name=name.replace(" ", "-"))
    return PythonComponent(component_spec=spec, python_func=component.python_func)
