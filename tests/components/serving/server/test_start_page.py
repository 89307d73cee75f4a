import http.client
import json
import shlex

import pytest

from components.serving.server.start_page import example_curl, start_page
from components.shared.served_model.child_server import log_end, MODEL_NAME

TABLE = [{"name": "fare's", "datatype": "FP64"}, {"name": "회사", "datatype": "BYTES"}]


@pytest.mark.parametrize(
    ("modality", "wanted"), [("text", "a text"), ("tabular", {"fare's": 0, "회사": ""})], ids=["text", "table"]
)
def test_the_command_asks_about_one_example(modality, wanted):
    words = shlex.split(example_curl("http://127.0.0.1:8080", "m", modality, TABLE))

    assert words[:2] == ["curl", "http://127.0.0.1:8080/v1/models/m:predict"]
    assert json.loads(words[3]) == {"instances": [wanted]}


def test_the_printed_command_works_as_it_stands(server, send):
    printed = next(line for line in log_end(server.log).splitlines() if "from a shell: " in line)
    words = shlex.split(printed.partition("from a shell: ")[2])

    status, content, _ = send(server, words[1].removeprefix(f"http://127.0.0.1:{server.http_port}"), words[3])

    assert (status, len(json.loads(content)["predictions"])) == (200, 1)


def test_the_page_shows_the_card_as_it_stands_and_asks_nobody_else(tmp_path):
    (tmp_path / "model_card.md").write_text("# Pets\n<script>alert(1)</script>", encoding="utf-8")

    page = start_page(
        model_name="pets", version="v1", modality="tabular", input_types=TABLE, model_dir=tmp_path, url="http://a"
    ).decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "https://" not in page
    assert "$" not in page.replace("$(", "")
    assert "fare&#x27;s" in page


def test_a_browser_gets_the_page_and_a_probe_what_it_always_got(server):
    found = {}
    for accept in ("text/html,application/xhtml+xml", "*/*"):
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30)
        connection.request("GET", "/", headers={"Accept": accept})
        answer = connection.getresponse()
        found[accept] = (answer.status, answer.getheader("content-type"), answer.read())
        connection.close()
    page, probe = found.values()

    assert page[:2] == (200, "text/html; charset=utf-8")
    assert MODEL_NAME in page[2].decode()
    assert probe[0] == 200
    assert json.loads(probe[2]) == {"status": "alive"}
    assert "from a shell: curl http://127.0.0.1" in log_end(server.log)
