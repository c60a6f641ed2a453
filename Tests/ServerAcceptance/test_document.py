"""The OpenAPI document is true: requests made from it meet no surprise.

INFLIGHT_LONG_TESTS=1 makes several times as many requests.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

LONG = os.environ.get("INFLIGHT_LONG_TESTS") == "1"
EXAMPLES = 150 if LONG else 20
REQUESTS = 3_000 if LONG else 1_000

# They have no end, so that no tool can wait for it; they are asked by hand.
ENDLESS = ["/inflight/state", "/v1/kv_cache/events"]


def answered(server):
    """How many requests the server has answered on each route, by its own count."""
    counts = {}
    for route, count in re.findall(r'^inflight_http_requests_total\{route="([^"]*)",.*\} (\d+)$',
                                   server.request("GET", "/metrics")[2].decode(), re.MULTILINE):
        counts[route] = counts.get(route, 0) + int(count)
    return counts


def test_requests_made_from_the_document(start, tmp_path):
    server = start("--max-sequence-length", "64", "--request-timeout", "20")
    document = json.loads(server.request("GET", "/openapi.json")[2])
    before = answered(server)
    tool = Path(sys.executable).with_name("schemathesis")
    result = subprocess.run(
        [str(tool), "run", f"http://127.0.0.1:{server.port}/openapi.json", "--max-examples", str(EXAMPLES),
         "--phases", "examples,coverage,fuzzing", "--checks",
         "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
         "--seed", "1", "--suppress-health-check", "all", *(word for path in ENDLESS for word in ("--exclude-path", path))],
        capture_output=True, text=True, timeout=590, cwd=tmp_path)
    assert result.returncode == 0, result.stdout[-6000:]
    assert server.process.poll() is None
    after = answered(server)
    counts = {route: after.get(route, 0) - before.get(route, 0) for route in document["paths"]}
    print(counts)
    assert all(count > 0 for route, count in counts.items() if route not in ENDLESS)
    assert sum(counts.values()) >= REQUESTS


@pytest.mark.parametrize("path", ENDLESS)
def test_routes_without_an_end_are_as_the_document_says(server, path):
    operation = json.loads(server.request("GET", "/openapi.json")[2])["paths"][path]["get"]
    assert list(operation["responses"]["200"]["content"]) == ["text/event-stream"]
    server.post("/v1/completions", {"prompt": "Words that fill a block. " * 20, "max_tokens": 1})
    connection = server.connect()
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == 200 and response.headers["content-type"] == "text/event-stream"
    lines = [response.readline() for _ in range(2)]
    assert any(line.startswith(b"data: {") for line in lines)
    connection.close()
    if path == "/v1/kv_cache/events":
        status, _, data = server.request("GET", path, headers={"Last-Event-ID": "x"})
        assert str(status) in operation["responses"] and json.loads(data)["error"]["param"] == "Last-Event-ID"
