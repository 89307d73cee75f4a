import json

import pytest

from components.serving.collector.cloud_events import read_event
from tests.components.serving.collector.events import asked, headers, structured


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
