"""Starts `inflight serve` as a user would and gives tests its address.

Needs the pip packages openai, schemathesis and pytest; scripts/test-server.sh makes the environment and runs everything.
INFLIGHT names the command, INFLIGHT_MODEL a model other than the default one.
"""

import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import time

import openai
import pytest


class Server:
    """One running server."""

    def __init__(self, *arguments, wait=True, descriptors=None):
        """`descriptors` is how many files the server may have open, if that is to be less than a process may here."""
        self.log = tempfile.NamedTemporaryFile(mode="w+", suffix=".log")
        # Tests that write requests by hand call it "test" or "a".
        names = ["--allow-host", "test", "--allow-host", "a"]
        command = [os.environ["INFLIGHT"], "serve", "--port", "0", "--served-model-name", "test", *names, *arguments]
        if os.environ.get("INFLIGHT_MODEL"):
            command += ["--model", os.environ["INFLIGHT_MODEL"]]
        limit = descriptors and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)))
        self.process = subprocess.Popen(command, stderr=self.log, stdin=subprocess.DEVNULL, preexec_fn=limit)
        try:
            self.port = self.wait_for(self.listening_port, 30)
            if wait:
                self.wait_for(lambda: self.status("/health") == 200, 120)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def listening_port(self):
        address = re.search(r"https?://127\.0\.0\.1:(\d+)", self.read_log())
        if address:
            return int(address[1])
        assert self.process.poll() is None, self.read_log()
        return None

    def read_log(self):
        with open(self.log.name) as file:
            return file.read()

    @staticmethod
    def wait_for(condition, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"nothing came of it in {seconds} seconds")

    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=60):
        """Status, header fields and body of one request."""
        connection = self.connect(timeout)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        fields = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body, {**fields, **(headers or {})})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, response.headers, data

    def status(self, path):
        return self.request("GET", path)[0]

    def post(self, path, body, **options):
        status, _, data = self.request("POST", path, body, **options)
        return status, json.loads(data)

    def client(self, **options):
        return openai.OpenAI(
            base_url=f"http://127.0.0.1:{self.port}/v1", api_key="none", max_retries=0, timeout=120, **options
        )

    def raw(self, data):
        """A connection on which `data` was sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(data)
        return connection

    def post_raw(self, path, body):
        """A connection on which a request was sent, to be read or not."""
        text = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        return self.raw(head.encode() + text)

    def metric(self, name):
        """The sum of a metric over its labels."""
        total = 0.0
        for line in self.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith((name + " ", name + "{")):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def running(self):
        return self.metric("inflight_num_requests_running") + self.metric("inflight_num_requests_waiting")

    def stop(self, seconds=60):
        """Ends the server as an operator would and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_bytes(self, name="VmRSS"):
        """The process's memory; with VmHWM the most that it was."""
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024


@pytest.fixture(scope="session")
def server():
    """A server that all tests share who do not need one of their own."""
    server = Server("--max-sequence-length", "1024", "--max-body-bytes", "1000000", "--kv-cache-events")
    yield server
    assert server.process.poll() is None, "the server has died: " + server.read_log()[-4000:]
    assert server.stop() == 0


@pytest.fixture
def start():
    """Starts servers that end with the test."""
    servers = []

    def begin(*arguments, **options):
        servers.append(Server("--max-sequence-length", "1024", *arguments, **options))
        return servers[-1]

    yield begin
    for one in servers:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


LONG = {"prompt": "Once upon a time", "max_tokens": 900, "temperature": 0, "ignore_eos": True, "stream": True}
