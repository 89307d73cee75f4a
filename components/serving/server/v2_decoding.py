"""A V2 request from the JSON of the Open Inference Protocol: the first mistake is told, whatever follows.

pydantic, which KServe reads it with, describes every mistake of a request, of which there may be millions.
"""

from collections.abc import Mapping
from typing import Any

from kserve import InferInput, InferRequest
from kserve.errors import InvalidInput
from kserve.protocol.infer_type import RequestedOutput

from components.serving.server.request_rows import kind_of

_MAX_DIMENSIONS = 16


def v2_request(content: Any, model_name: str) -> InferRequest:
    """The request; `InvalidInput` names the place of what is wrong with it, not its value."""
    request = _object(content, "", allowed=("id", "parameters", "inputs", "outputs"))
    request_id = request.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise _mistake("id", f"it must be a text, got {kind_of(request_id)}")
    if "inputs" not in request:
        raise _mistake("inputs", "Field required")
    inputs = [_input(given, f"inputs.{number}") for number, given in enumerate(_list(request["inputs"], "inputs"))]
    outputs = request.get("outputs")
    return InferRequest(
        model_name=model_name,
        infer_inputs=inputs,
        request_id=request_id,
        parameters=_parameters(request, "parameters"),
        request_outputs=None
        if not outputs
        else [_output(given, f"outputs.{number}") for number, given in enumerate(_list(outputs, "outputs"))],
    )


def _input(given: Any, where: str) -> InferInput:
    tensor = _object(given, where, allowed=("name", "shape", "datatype", "parameters", "data"))
    shape = _list(_present(tensor, "shape", where), f"{where}.shape")
    if len(shape) > _MAX_DIMENSIONS or not all(type(size) is int for size in shape):
        raise _mistake(f"{where}.shape", f"it must be at most {_MAX_DIMENSIONS} whole numbers")
    name, datatype = (_text(tensor, key, where) for key in ("name", "datatype"))
    data = _list(tensor["data"] if tensor.get("data") is not None else [], f"{where}.data")
    if datatype == "FP16" and data:
        raise _mistake(f"{where}.data", "FP16 must come in binary")
    return InferInput(
        name=name,
        shape=shape,
        datatype=datatype,
        data=data,
        parameters=_parameters(tensor, f"{where}.parameters") or {},
    )


def _output(given: Any, where: str) -> RequestedOutput:
    output = _object(given, where, allowed=("name", "parameters"))
    return RequestedOutput(
        name=_text(output, "name", where), parameters=_parameters(output, f"{where}.parameters") or {}
    )


def _object(given: Any, where: str, *, allowed: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise _mistake(where or "body", f"it must be an object, got {kind_of(given)}")
    return {name: given[name] for name in allowed if name in given}  # others are no concern of this server's


def _list(given: Any, where: str) -> list[Any]:
    if not isinstance(given, list):
        raise _mistake(where, f"it must be a list, got {kind_of(given)}")
    return given


def _present(given: Mapping[str, Any], name: str, where: str) -> Any:
    if name not in given:
        raise _mistake(f"{where}.{name}", "Field required")
    return given[name]


def _text(given: Mapping[str, Any], name: str, where: str) -> str:
    value = _present(given, name, where)
    if not isinstance(value, str):
        raise _mistake(f"{where}.{name}", f"it must be a text, got {kind_of(value)}")
    return value


def _parameters(given: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    values = given.get("parameters")
    if values is None:
        return None
    if not isinstance(values, dict):
        raise _mistake(where, f"they must be an object, got {kind_of(values)}")
    for value in values.values():
        if not isinstance(value, str | bool | int | float):
            raise _mistake(where, f"they must be texts, numbers and truth values, got {kind_of(value)}")
    return values


def _mistake(where: str, what: str) -> InvalidInput:
    return InvalidInput(f"the request must be one of the Open Inference Protocol: {where}: {what}")
