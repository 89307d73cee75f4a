import json

import pytest

from components.serving.collector.cloud_events import read_event
from tests.components.serving.collector.events import answered, asked, headers, structured


def test_both_modes_say_the_same():
    binary = read_event(headers("request", "e1"), asked(1.0))
    other = read_event(*structured("request", "e1", asked(1.0)))
    assert binary == other
    assert (binary.event_id, binary.kind, binary.service, binary.namespace) == ("e1", "request", "fares", "shop")
    assert binary.time_ns == 1_777_636_800_123_456_000


def test_structured_data_may_be_json_itself():
    _, body = structured("request", "e1", b"")
    content = json.loads(body)
    del content["data_base64"]
    content["data"] = {"instances": []}
    event = read_event({"content-type": "application/cloudevents+json"}, json.dumps(content).encode())
    assert json.loads(event.data) == {"instances": []}


def test_a_request_and_its_answer_are_one_pair_of_two_keys():
    asked_event, answer = (read_event(headers(kind, "e1"), b"") for kind in ("request", "response"))
    assert asked_event.pair == answer.pair
    assert asked_event.key != answer.key
    assert read_event(headers("request", "e1"), b"").key == asked_event.key


METADATA = b'{"name": "fares", "inputs": [], "outputs": [{"name": "label", "datatype": "BYTES", "shape": [-1]}]}'


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("request", b"", False),
        ("request", b"no JSON", True),
        ("request", asked(1.0), True),
        ("response", b'{"ready":true}', False),
        ("response", METADATA, False),
        ("response", b"<html>", False),
        ("response", answered("tip"), True),
        ("response", b'{"outputs":[{"name":"label","data":["tip"]}]}', True),
        ("response", b'{"outputs":[{"name":"label","parameters":{"binary_data_size":7}}]}\x03\0\0\0tip', True),
    ],
)
def test_health_and_metadata_are_told_from_predictions(kind, body, expected):
    assert read_event(headers(kind, "e1"), body).is_of_a_prediction is expected


@pytest.mark.parametrize(
    ("annotations", "version"),
    [('{"pluszero-mlops/model-version":"a1"}', "a1"), ('{"other":"a1"}', None), ("{", None), ("[1]", None), ("", None)],
)
def test_the_release_is_read_from_the_annotations_that_the_logger_hands_on(annotations, version):
    assert read_event(headers("request", "e1", annotations=annotations), b"").model_version == version


@pytest.mark.parametrize("name", ["source", "inferenceservicename", "namespace", "component", "endpoint", "id"])
def test_events_of_other_services_are_other_events(name):
    event, other = (read_event(headers("request", "e1", **given), b"") for given in ({}, {name: "other"}))
    assert event.pair != other.pair


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"ce-id": ""}, "must have the attribute id"),
        ({"ce-specversion": "0.3"}, "specversion of a CloudEvent must be 1.0, got '0.3'"),
        ({"ce-type": "org.other"}, "type of an event must be one of .*, got 'org.other'"),
        ({"ce-time": "noon"}, "time of a CloudEvent must be as in RFC 3339, got 'noon'"),
        ({"content-type": "application/cloudevents+json"}, "structured mode must be JSON"),
    ],
)
def test_what_is_no_event_is_told_in_a_sentence(changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_event({**headers("request", "e1"), **changed}, b"{")
