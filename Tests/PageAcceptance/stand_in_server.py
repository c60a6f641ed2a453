"""A stand-in for `inflight serve`, for tests of the page: it serves the page's files and speaks as much of the API as the
page uses. Standard library only.

    python3 stand_in_server.py [--port 8080] [--page Sources/Server/Page] [--api-key KEY]

Some messages have set answers, which the tests rely on: see ANSWERS and `chat`. Everything else is answered with some text.
"""

import argparse
import json
import pathlib
import queue
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stand_in_engine import Engine, Request

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
MODEL = "stand-in"
LONG = " ".join(f"word{number}" for number in range(2_000))
TALK = ("In-flight batching lets a new request join the running batch at the next step, so nobody waits for the slowest. "
        "Think of a bus that stops whenever somebody wants to get on or off, instead of one that leaves full and only "
        "returns empty. The engine reads its weights once for each step, and every passenger shares that cost. ")
RICH = """# A sorted merge

Two sorted arrays become one in **linear** time. The idea, in *three* steps:

1. Compare the two front elements.
2. Take the smaller one.
   - On a tie, take the left one, which keeps the order stable.
3. Repeat until one array is empty.

```swift
/// Merges two sorted arrays.
func merge<T: Comparable>(_ left: [T], _ right: [T]) -> [T] {
  var result: [T] = []
  var (i, j) = (0, 0)
  while i < left.count && j < right.count {
    if left[i] <= right[j] { result.append(left[i]); i += 1 } else { result.append(right[j]); j += 1 }
  }
  return result + left[i...] + right[j...]  // one of them is empty
}
```

| Case | Comparisons | Memory |
| :--- | :---: | ---: |
| best | `min(n, m)` | n + m |
| worst | n + m - 1 | n + m |

> Stable merges are what makes merge sort stable.

More in [the reference](https://example.org/merge).
"""
HOSTILE = """<script>window.broken = 1</script> <img src=x onerror="window.broken = 2">

[a](javascript:window.broken=3) [b](JaVaScRiPt:alert(1)) [c](data:text/html,<script>window.broken=4</script>)
[d](vbscript:x) <javascript:window.broken=5> ![pixel](https://elsewhere.example/pixel.png)
[e](https://example.org/"onmouseover="window.broken=6) [f](java\tscript:window.broken=7) [ok](https://example.org/fine)

| <b>x</b> | y |
| --- | --- |
| <svg onload=window.broken=8> | <iframe src="javascript:window.broken=9"></iframe> |

```html"><img src=x onerror=window.broken=10>
</code></pre><script>window.broken = 11</script>
```
"""
ANSWERS = {"markdown": RICH, "hostile": HOSTILE, "long": LONG}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "stand-in"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/inflight/state":
            return self.authorized() and self.states()
        if path == "/inflight/waiting":
            return self.authorized() and self.json(200, {"object": "list", "data": self.server.engine.reasons()})
        if path == "/v1/models":
            return self.authorized() and self.json(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        if path == "/health":
            return self.json(200, {"status": "ok"})
        return self.page(path)

    def page(self, path):
        file = self.server.page / (path.removeprefix("/") or "index.html")
        if "/" in path[1:] or not file.is_file():
            return self.json(404, {"error": {"message": f"There is no {path}.", "type": "invalid_request_error"}})
        body = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", TYPES[file.suffix])
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/test/drop-states":
            self.server.engine.drop_listeners()
            return self.json(200, {})
        if not self.authorized():
            return
        try:
            fields = json.loads(body)
        except ValueError:
            return self.refuse(400, "The body is not JSON.")
        if self.path == "/v1/chat/completions":
            return self.chat(fields)
        if self.path == "/v1/completions":
            return self.completions(fields)
        return self.refuse(404, f"There is no {self.path}.")

    def authorized(self):
        key = self.server.api_key
        if key is None or self.headers.get("Authorization") == f"Bearer {key}":
            return True
        self.refuse(401, "The API key is missing or wrong.", kind="authentication_error")
        return False

    def json(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, message, field=None, kind="invalid_request_error"):
        error = {"message": message, "type": kind, "param": field, "code": None}
        self.json(status, {"error": error})

    def begin_events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def event(self, text):
        data = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def end_events(self):
        self.wfile.write(b"0\r\n\r\n")

    def states(self):
        listener = self.server.engine.listen()
        try:
            self.begin_events()
            while True:
                try:
                    state = listener.get(timeout=1)
                except queue.Empty:
                    state = self.server.engine.latest
                if state is None:
                    return self.end_events()
                self.event(json.dumps(state))
        except OSError:
            self.close_connection = True
        finally:
            self.server.engine.leave(listener)

    def fields_are_fine(self, fields):
        temperature = fields.get("temperature", 1)
        if not 0 <= temperature <= 2:
            self.refuse(400, f"temperature is {temperature}, but must lie between 0 and 2.", "temperature")
            return False
        return True

    def chat(self, fields):
        if not self.fields_are_fine(fields):
            return
        texts = [message["content"] for message in fields["messages"]]
        text = texts[-1].strip()
        if text == "echo system":
            answer = next((m["content"] for m in fields["messages"] if m["role"] == "system"), "none")
        elif text == "count":
            answer = f"{len(texts)} messages"
        else:
            answer = ANSWERS.get(text) or TALK * 2
        request = Request("\n".join(texts), pieces(answer), fields.get("max_tokens", 4_096))
        self.stream([request], "chat.completion.chunk", breaks=text == "break", drops=text == "drop",
                    wrap=lambda piece: {"delta": {"content": piece}})

    def completions(self, fields):
        if not self.fields_are_fine(fields):
            return
        prompts = fields["prompt"] if isinstance(fields["prompt"], list) else [fields["prompt"]]
        requests = [Request(prompt, pieces(TALK * 8), fields.get("max_tokens", 16)) for prompt in prompts]
        self.stream(requests, "text_completion", wrap=lambda piece: {"text": piece})

    def stream(self, requests, kind, wrap, breaks=False, drops=False):
        engine = self.server.engine
        frame = {"id": requests[0].id, "object": kind, "created": 0, "model": MODEL}
        merged = queue.Queue()
        for index, request in enumerate(requests):
            request.events = Forward(merged, index)
            engine.submit(request)
        try:
            self.begin_events()
            left = len(requests)
            while left:
                index, piece = merged.get()
                if piece is None:
                    left -= 1
                    choice = {"index": index, "finish_reason": requests[index].reason, **wrap("")}
                else:
                    choice = {"index": index, "finish_reason": None, **wrap(piece)}
                self.event(json.dumps({**frame, "choices": [choice]}))
                if (breaks or drops) and requests[0].generated > 6:
                    for request in requests:
                        engine.cancel(request)
                    if breaks:
                        self.event(json.dumps({"error": {"message": "The engine failed this request.", "type": "server_error"}}))
                        self.end_events()
                    self.close_connection = True
                    return
            usage = {"prompt_tokens": sum(r.prompt_tokens for r in requests),
                     "completion_tokens": sum(r.generated for r in requests),
                     "prompt_tokens_details": {"cached_tokens": sum(r.cached_tokens for r in requests)}}
            self.event(json.dumps({**frame, "choices": [], "usage": usage}))
            self.event("[DONE]")
            self.end_events()
        except OSError:
            for request in requests:
                engine.cancel(request)
            self.close_connection = True


class Forward:
    """Puts a request's pieces into a queue that it shares with others, with its index."""

    def __init__(self, merged, index):
        self.merged, self.index = merged, index

    def put(self, piece):
        self.merged.put((self.index, piece))


def pieces(text):
    """Cuts a text into pieces as small as tokens."""
    return re.findall(r"\s*\S{1,6}", text) + ([text[len(text.rstrip()):]] if text != text.rstrip() else [])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve(port, page, api_key=None):
    """A server that listens; port 0 takes any that is free. The engine runs already."""
    server = Server(("127.0.0.1", port), Handler)
    server.page = pathlib.Path(page)
    server.api_key = api_key
    index = (server.page / "index.html").read_text()
    server.policy = re.search(r'Content-Security-Policy" content="([^"]*)"', index).group(1) + "; frame-ancestors 'none'"
    server.engine = Engine()
    server.engine.start()
    return server


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--page", default=pathlib.Path(__file__).parents[2] / "Sources/Server/Page")
    parser.add_argument("--api-key")
    options = parser.parse_args()
    server = serve(options.port, options.page, options.api_key)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
