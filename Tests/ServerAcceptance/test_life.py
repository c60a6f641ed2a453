"""How a server begins, refuses and ends."""

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import LONG


def test_orderly_end(start):
    server = start()
    assert server.stop() == 0
    assert "ended" in server.read_log()


def test_sigterm_while_loading_does_not_wait_for_the_model(start):
    server = start(wait=False)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 3
    log = server.read_log()
    assert "ending before the model is loaded" in log or "draining" in log


def test_the_command_asks_for_the_health(start):
    server = start()

    def ask(url):
        return subprocess.run([os.environ["INFLIGHT"], "health", "--url", url], capture_output=True, text=True, timeout=20)

    for url in (f"http://127.0.0.1:{server.port}", f"http://127.0.0.1:{server.port}/health"):
        assert ask(url).returncode == 0
    assert ask(f"http://127.0.0.1:{server.port}/nothing").returncode == 1
    assert server.stop() == 0
    assert ask(f"http://127.0.0.1:{server.port}").returncode == 1


def test_sigterm_lets_running_requests_finish(start):
    server = start()
    answers = []

    def ask():
        body = {**LONG, "max_tokens": 150, "stream": False}
        answers.append(server.post("/v1/completions", body))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    server.wait_for(lambda: server.running() == 4, 20)
    server.process.send_signal(signal.SIGTERM)
    server.wait_for(lambda: server.status("/health") == 503, 2)
    assert json.loads(server.request("GET", "/health")[2])["status"] == "draining"
    status, headers, _ = server.request("POST", "/v1/completions", {"prompt": "a"})
    assert status == 503 and headers["Retry-After"]
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [200] * 4
    assert all(answer["usage"]["completion_tokens"] == 150 for _, answer in answers)
    assert server.process.wait(20) == 0


def ask_for_much(server):
    """A connection on which the head of a large answer was read, and the length of its body."""
    body = json.dumps({"prompt": " " * 60_000, "max_tokens": 1, "temperature": 0, "n": 128, "echo": True}).encode()
    raw = socket.socket()
    # So that little of it waits in the network.
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    raw.connect(("127.0.0.1", server.port))
    raw.settimeout(60)
    raw.sendall(
        b"POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head = b""
    while b"\r\n\r\n" not in head:
        head += raw.recv(1)
    assert head.startswith(b"HTTP/1.1 200 "), head
    count = int(re.search(rb"content-length: (\d+)", head.lower())[1])
    assert count > 7_000_000
    return raw, count


def read_slowly(raw, count):
    """Reads so many bytes, or as many as come."""
    came = 0
    while came < count and (piece := raw.recv(65536)):
        came += len(piece)
        time.sleep(0.01)
    return came


def test_sigterm_lets_slow_clients_read_their_answers(start):
    server = start("--drain-timeout", "20")
    raw, count = ask_for_much(server)
    server.process.send_signal(signal.SIGTERM)
    assert read_slowly(raw, count) == count
    assert server.process.wait(20) == 0


def test_clients_that_read_are_not_idle(start):
    server = start("--idle-timeout", "1")
    raw, count = ask_for_much(server)
    time.sleep(0.8)
    assert read_slowly(raw, count) == count


def test_clients_that_read_nothing_are_given_up(start):
    server = start("--idle-timeout", "1")
    server.status("/health")
    before = server.descriptors()
    raw, _ = ask_for_much(server)
    server.wait_for(lambda: server.descriptors() <= before, 20)
    raw.close()


def test_sigterm_ends_what_takes_too_long(start):
    server = start("--drain-timeout", "0.5")
    raw = server.post_raw("/v1/completions", LONG)
    server.wait_for(lambda: server.running() == 1, 10)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    assert time.monotonic() - began < 12
    data = b""
    while piece := raw.recv(65536):
        data += piece
    assert b"shutting down" in data and b"[DONE]" in data


def test_half_a_body_does_not_hold_up_the_end(start):
    server = start()
    raw = server.raw(
        b"POST /tokenize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{")
    time.sleep(0.3)  # As long as it may take until the head is read.
    assert server.stop(20) == 0
    assert b"".join(iter(lambda: raw.recv(4096), b"")).startswith(b"HTTP/1.1 503 ")


def test_a_full_queue_says_when_to_come_back(start):
    server = start("--max-batch-size", "1", "--max-queue", "2")
    # Until the engine has taken the first one, it is in the queue.
    open_ones = [server.post_raw("/v1/completions", LONG)]
    server.wait_for(lambda: server.metric("inflight_num_requests_running") == 1, 10)
    open_ones += [server.post_raw("/v1/completions", LONG) for _ in range(2)]
    server.wait_for(lambda: server.running() == 3, 10)
    status, headers, data = server.request("POST", "/v1/completions", {"prompt": "a"})
    assert status == 429 and int(headers["Retry-After"]) >= 1
    assert json.loads(data)["error"]["type"] == "rate_limit_error"
    for one in open_ones:
        one.close()
    server.wait_for(lambda: server.running() == 0, 2)
    # Those that were given up in the queue have waited too.
    server.wait_for(lambda: server.metric("inflight_request_queue_time_seconds_count") == 3, 2)
    assert server.post("/v1/completions", {"prompt": "a", "max_tokens": 1})[0] == 200


def test_large_texts_hold_up_nobody(start):
    server = start("--max-text-bytes", "16000000")
    text = json.dumps({"prompt": "".join(f"word{number} " for number in range(1_200_000))})
    assert len(text) > 12_000_000
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(server.post("/tokenize", text)[0])) for _ in range(2)]
    stream = server.post_raw("/v1/completions", LONG)
    server.wait_for(lambda: server.metric("inflight_generation_tokens_total") > 0, 10)
    for thread in threads:
        thread.start()
    time.sleep(0.3)  # As long as sending them may take.
    before = server.metric("inflight_generation_tokens_total")
    probes = 0
    while not answers and probes < 20:
        assert server.status("/health") == 200
        assert server.post("/tokenize", {"prompt": "a"})[0] == 200
        probes += 1
    assert probes == 20, "the first large text was done before twenty probes were answered"
    assert server.metric("inflight_generation_tokens_total") > before
    for thread in threads:
        thread.join()
    assert answers == [200, 200]
    stream.close()


def test_a_body_has_to_arrive_in_time(start):
    server = start("--body-timeout", "0.5")
    head = b"POST /tokenize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
    slow = server.raw(head + b'{"prompt"')
    slow.settimeout(10)
    answer = b""
    while piece := slow.recv(4096):  # The connection ends, too.
        answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ") and b"body_timeout" in answer
    quick = server.raw(head + b'{"prompt": "abcdef"}')
    assert quick.recv(4096).startswith(b"HTTP/1.1 200 ")
    time.sleep(1)  # The time limit of a body that has come does not end the connection.
    quick.sendall(head + b'{"prompt": "abcdef"}')
    assert quick.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_large_bodies_share_a_budget(start):
    server = start("--max-body-bytes", "3000000", "--max-buffered-bytes", "2500000")
    text = json.dumps({"prompt": "a " * 1_000_000}).encode()
    head = b"POST /tokenize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    slow = server.raw(head % len(text) + text[:-1])

    def is_full():
        return server.request("POST", "/tokenize", text[:1_000_000] + b'"}')[0] == 503

    def is_full_of_the_slow_one():
        # Until the slow one has come, it may be the one of the two that finds no room, and so may both.
        nonlocal slow
        found = is_full()
        time.sleep(0.2)
        if select.select([slow], [], [], 0)[0]:
            slow.close()
            slow = server.raw(head % len(text) + text[:-1])
            time.sleep(0.2)
            return False
        return found

    server.wait_for(is_full_of_the_slow_one, 30)
    assert server.post("/tokenize", {"prompt": "a"})[0] == 200
    slow.sendall(text[-1:])
    slow.settimeout(60)
    assert slow.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert not is_full()
    slow.close()


def test_requests_have_a_time_limit(start):
    server = start("--request-timeout", "0.3")
    status, answer = server.post("/v1/completions", {**LONG, "stream": False})
    assert status == 504 and answer["error"]["code"] == "request_timeout"
    data = b"".join(iter(server.post_raw("/v1/completions", LONG).makefile("rb").readline, b"data: [DONE]\n"))
    assert b"request_timeout" in data
    server.wait_for(lambda: server.running() == 0, 2)


def test_keys(start, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("# ours\nalpha-key\n\nbeta-key\n")
    server = start("--api-key-file", str(keys), "--api-key", "gamma-key", "--log-format", "json")
    for key, expected in [("alpha-key", 200), ("beta-key", 200), ("gamma-key", 200), ("alpha-kez", 401), ("", 401)]:
        assert server.request("GET", "/v1/models", None, {"Authorization": f"Bearer {key}"})[0] == expected
    assert server.request("GET", "/v1/models", None, {"Authorization": "Basic alpha-key"})[0] == 401
    assert server.status("/v1/models") == 401
    assert server.status("/inflight/state") == 401
    assert server.status("/health") == 200
    assert server.status("/metrics") == 200
    lines = [json.loads(line) for line in server.read_log().splitlines()]
    assert any(line["message"] == "request" and line["status"] == 401 for line in lines)
    assert "alpha-key" not in server.read_log()
    # Who has no key is not asked for a body.
    for key, expected in [(b"alpha-key", b"HTTP/1.1 100 "), (b"wrong", b"HTTP/1.1 401 ")]:
        raw = server.raw(
            b"POST /tokenize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
            b"Content-Length: 900000\r\nAuthorization: Bearer %s\r\n\r\n" % key)
        raw.settimeout(10)
        assert raw.recv(4096).startswith(expected)
        raw.close()
    keys.write_text("two words\n")
    for arguments in [("--api-key-file", str(keys)), ("--api-key", ""), ("--api-key", "sch\u00fcssel")]:
        refused = subprocess.run([os.environ["INFLIGHT"], "serve", "--port", "0", *arguments], capture_output=True, timeout=60)
        assert refused.returncode == 1 and b"no client can send" in refused.stderr


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes the certificate")
def test_tls(start, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out",
         str(certificate)],
        check=True, capture_output=True)
    server = start("--tls-certificate", str(certificate), "--tls-key", str(key), wait=False)
    context = ssl.create_default_context(cafile=str(certificate))

    def health():
        connection = http.client.HTTPSConnection("localhost", server.port, context=context)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200

    server.wait_for(health, 120)

    def running():
        connection = http.client.HTTPSConnection("localhost", server.port, context=context)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        return re.search(r"^inflight_http_requests_active (\d+)", text, re.M)[1] != "0"

    # A stream, whose client leaves.
    connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=60)
    connection.request("POST", "/v1/completions", json.dumps(LONG), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.readline().startswith(b"data: {")
    assert running()
    response.close()
    connection.close()
    server.wait_for(lambda: not running(), 5)

    def probe(host, *arguments):
        command = [os.environ["INFLIGHT"], "health", "--url", f"https://{host}:{server.port}", *arguments]
        return subprocess.run(command, capture_output=True, timeout=60).returncode

    assert probe("localhost") == 1
    assert probe("localhost", "--ca-certificate", str(certificate)) == 0
    assert probe("127.0.0.1", "--ca-certificate", str(certificate)) == 1
    assert probe("127.0.0.1", "--insecure") == 0
    assert server.stop() == 0


def test_other_origins(start):
    assert "access-control-allow-origin" not in start().request("GET", "/health")[1]
    server = start("--allow-origin", "https://a.example")
    fields = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST",
              "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang"}
    status, headers, _ = server.request("OPTIONS", "/v1/chat/completions", headers=fields)
    assert status == 204 and headers["access-control-allow-origin"] == "https://a.example"
    allowed = headers["access-control-allow-headers"].replace(" ", "").split(",")
    assert {"authorization", "content-type", "x-stainless-lang", "last-event-id"} <= set(allowed)
    assert int(headers["access-control-max-age"]) > 0


def test_names_of_other_machines_are_refused(start):
    fields = {"Host": "evil.example"}
    server = start()
    for path in ["/", "/app.js", "/v1/models", "/inflight/state", "/metrics", "/health", "/nothing"]:
        status, _, data = server.request("GET", path, headers=fields)
        assert status == 403 and json.loads(data)["error"]["code"] == "host_not_allowed"
    assert server.request("POST", "/tokenize", {"prompt": "a"}, fields)[0] == 403
    assert server.request("GET", "/v1/models", headers={"Host": f"localhost:{server.port}"})[0] == 200
    assert start("--allow-host", "evil.example").request("GET", "/v1/models", headers=fields)[0] == 200


def test_what_is_no_http_is_counted_and_logged(start):
    server = start()

    def refused():
        found = re.search(rb'route="-",status="400"\} (\d+)', server.request("GET", "/metrics")[2])
        return int(found[1]) if found else 0

    for count, nonsense in enumerate([b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n"], 1):
        connection = server.raw(nonsense)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
        connection.close()
        assert refused() == count
    assert server.read_log().count("no request") == 2


def test_wrong_usage_and_a_busy_port_are_said(start):
    command = os.environ["INFLIGHT"]
    assert subprocess.run([command, "serve", "--max-queue", "0"], capture_output=True).returncode == 2
    assert subprocess.run([command, "serve", "--tls-key", "x"], capture_output=True).returncode == 2
    missing = subprocess.run(
        [command, "serve", "--port", "0", "--model", "/no/such/model.gguf"], capture_output=True, timeout=60)
    assert missing.returncode == 1 and b"/no/such/model.gguf" in missing.stderr
    busy = start()
    taken = subprocess.run(
        [command, "serve", "--port", str(busy.port)], capture_output=True, timeout=60)
    assert taken.returncode == 1 and b"in use" in taken.stderr


def test_ten_thousand_idle_connections(start):
    server = start()
    import resource

    count = 10_000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < count + 200:
        pytest.skip(f"a process may have {hard} files open here, which is less than {count} connections need")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = (server.resident_bytes(), server.descriptors())
    idle = []
    for _ in range(count):
        idle.append(server.raw(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n"))
    for one in idle:
        assert b"200 OK" in one.recv(4096)
    grown = server.resident_bytes() - before[0]
    began = time.monotonic()
    assert server.status("/health") == 200
    print(f"{count} idle connections: {grown / count / 1024:.1f} KiB each, health in {time.monotonic() - began:.3f} s")
    assert grown / count < 64 * 1024
    assert time.monotonic() - began < 2
    for one in idle:
        one.close()
    server.wait_for(lambda: server.descriptors() <= before[1] + 5, 20)


def test_more_connections_than_descriptors_wait(start):
    server = start(descriptors=150)
    kept = server.connect()
    kept.request("GET", "/version")
    assert kept.getresponse().read()
    more = [server.raw(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(200)]

    def processor_seconds():
        with open(f"/proc/{server.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = processor_seconds()
    time.sleep(1)
    assert processor_seconds() - before < 0.5, "the server is busy with connections that it cannot take"
    # Those that are open are served, and can do what needs a file.
    kept.request("POST", "/v1/completions", json.dumps({"prompt": "a", "max_tokens": 1}), {"Content-Type": "application/json"})
    assert kept.getresponse().status == 200
    # The others are when their turn comes.
    for one in more[:100]:
        one.close()
    more[-1].settimeout(20)
    assert more[-1].recv(4096).startswith(b"HTTP/1.1 200 ")
    for one in more:
        one.close()
    server.wait_for(lambda: server.status("/health") == 200, 20)
    assert server.stop() == 0


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_a_proxy_between(start, tmp_path):
    server = start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; client_body_temp_path {tmp_path}/a; proxy_temp_path {tmp_path}/b;\n"
        f"fastcgi_temp_path {tmp_path}/c; uwsgi_temp_path {tmp_path}/d; scgi_temp_path {tmp_path}/e;\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{server.port}; }} }} }}\n")
    proxy = subprocess.Popen(["nginx", "-c", str(tmp_path / "nginx.conf")], start_new_session=True)
    try:
        def ask():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request(
                "POST", "/v1/completions", json.dumps(LONG), {"Content-Type": "application/json"})
            return connection, connection.getresponse()

        def is_up():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        server.wait_for(is_up, 10)
        connection, response = ask()
        # The first event comes while the rest is not generated yet: nothing is held back.
        assert response.readline().startswith(b"data: ")
        assert server.running() == 1
        response.close()
        connection.close()
        server.wait_for(lambda: server.running() == 0, 5)
        _, response = ask()
        assert response.readline().startswith(b"data: ")
        os.killpg(proxy.pid, signal.SIGKILL)
        server.wait_for(lambda: server.running() == 0, 5)
    finally:
        if proxy.poll() is None:
            os.killpg(proxy.pid, signal.SIGKILL)
        proxy.wait()


def serve(*arguments):
    """A server that cannot begin."""
    return subprocess.run([os.environ["INFLIGHT"], "serve", *arguments], capture_output=True, text=True, timeout=120)


def test_what_keeps_a_server_from_listening_is_said(start, tmp_path):
    server = start()
    taken = serve("--port", str(server.port))
    assert taken.returncode == 1
    assert f"http://127.0.0.1:{server.port} is in use" in taken.stderr and "--port" in taken.stderr
    assert "before the model is loaded" not in taken.stderr
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    for files, words in [((wrong, wrong), "a certificate from"), ((tmp_path / "no", wrong), "a certificate from")]:
        refused = serve("--port", "0", "--tls-certificate", str(files[0]), "--tls-key", str(files[1]))
        assert refused.returncode == 1 and words in refused.stderr and str(files[0]) in refused.stderr
    for port in ("70000", "-1"):
        refused = serve("--port", port)
        assert refused.returncode == 2 and "--port" in refused.stderr


def test_what_cannot_be_kept_is_said(start, tmp_path):
    garbage = tmp_path / "cache"
    garbage.write_text("nothing of the kind")
    server = start("--prefix-cache-file", str(garbage))
    assert "prefix cache" in server.read_log() and str(garbage) in server.read_log()
    assert re.search(r"ready .*cache_bytes=\d+.* weight_bytes=\d+", server.read_log())
    assert server.stop() == 0
    server = start("--prefix-cache-file", "/nonexistent/directory/cache", "--verbose")
    assert "work space" in server.read_log()
    assert server.post("/v1/completions", {"prompt": "a" * 400, "max_tokens": 2})[0] == 200
    assert server.stop() == 0
    assert "/nonexistent/directory/cache" in server.read_log()


@pytest.mark.parametrize(
    "arguments, option",
    [
        (["generate", "a", "--max-tokens", "0"], "--max-tokens"), (["generate", "a", "--samples", "0"], "--samples"),
        (["generate", "a", "--beams", "0"], "--beams"), (["generate", "a", "--block-size", "17"], "--block-size"),
        (["generate", "a", "--kernels", "foo"], "--kernels"), (["generate", "a", "--threads", "100000"], "--threads"),
        (["generate", "a", "--stop", ""], "--stop"), (["score", "--top", "999"], "--top"),
        (["chat", "--temperature", "-1"], "--temperature"), (["serve", "--block-size", "17"], "--block-size"),
        (["serve", "--max-logprobs", "0"], "--max-logprobs"), (["bench", "--max-batch-tokens", "100000"], "--max-batch-tokens"),
    ],
)
def test_wrong_usage_names_the_option(arguments, option):
    # No model is read for that.
    model = ["--model", "/nonexistent/model.gguf"]
    refused = subprocess.run(
        [os.environ["INFLIGHT"], *arguments, *model], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert refused.returncode == 2, refused.stderr
    assert option in refused.stderr.splitlines()[0]
