"""The OpenAPI document is true: requests made from it meet no surprise."""

import os
import re
import subprocess
import sys
from pathlib import Path


def test_requests_made_from_the_document(start, tmp_path):
    server = start("--max-sequence-length", "64", "--request-timeout", "20")
    count = int(os.environ.get("INFLIGHT_SCHEMA_EXAMPLES", "40"))
    tool = Path(sys.executable).with_name("schemathesis")
    result = subprocess.run(
        [str(tool), "run", f"http://127.0.0.1:{server.port}/openapi.json", "--max-examples", str(count),
         "--phases", "examples,coverage,fuzzing", "--checks",
         "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
         "--exclude-path", "/inflight/state", "--exclude-path", "/v1/kv_cache/events", "--seed", "1", "--suppress-health-check", "all"],
        capture_output=True, text=True, timeout=600, cwd=tmp_path)
    assert result.returncode == 0, result.stdout[-6000:]
    print(result.stdout[-1500:])
    made = re.search(r"(\d[\d,]*) generated", result.stdout)
    assert made and int(made[1].replace(",", "")) >= 1000, result.stdout[-1500:]
    assert server.process.poll() is None
