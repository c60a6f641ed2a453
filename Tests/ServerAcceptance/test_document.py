"""The OpenAPI document is true: requests made from it meet no surprise.

INFLIGHT_LONG_TESTS=1 makes several times as many requests.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

LONG = os.environ.get("INFLIGHT_LONG_TESTS") == "1"
EXAMPLES = 150 if LONG else 20
REQUESTS = 3_000 if LONG else 1_000

# It has no end, so that no tool can wait for it; it is asked by hand.
ENDLESS = "/inflight/state"


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
         "--exclude-path", ENDLESS, "--seed", "1", "--suppress-health-check", "all"],
        capture_output=True, text=True, timeout=590, cwd=tmp_path)
    assert result.returncode == 0, result.stdout[-6000:]
    assert server.process.poll() is None
    after = answered(server)
    counts = {route: after.get(route, 0) - before.get(route, 0) for route in document["paths"]}
    print(counts)
    assert all(count > 0 for route, count in counts.items() if route != ENDLESS)
    assert sum(counts.values()) >= REQUESTS


def test_the_route_without_an_end_is_as_the_document_says(server):
    document = json.loads(server.request("GET", "/openapi.json")[2])
    assert list(document["paths"][ENDLESS]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]
    connection = server.connect()
    connection.request("GET", ENDLESS)
    response = connection.getresponse()
    assert response.status == 200 and response.headers["content-type"] == "text/event-stream"
    assert response.readline().startswith(b"data: {")
    connection.close()
