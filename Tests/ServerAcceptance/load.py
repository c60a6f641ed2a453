"""Many streaming clients on one thread, over plain sockets.

Made to cost little, since it shares the processors with the server that it measures: while answers come in it only notes
when, and reads what is in them at the end. About ten microseconds of one processor go for each event.
"""

import json
import selectors
import socket
import time


class Exchange:
    """One request on a connection of its own."""

    def __init__(self, port, body, path="/v1/completions", leave_after=None):
        """`body` is bytes. The client closes the connection after `leave_after` events, unless that is None."""
        self.request = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        self.address = ("127.0.0.1", port)
        self.leave_after = leave_after
        self.pieces = []
        self.times = []  # When each event of the answer came, on the clock of `time.monotonic`.
        self.tail = b""
        self.has_left = False

    def begin(self):
        self.socket = socket.create_connection(self.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.began = time.monotonic()
        self.write()

    def write(self):
        """Sends what can be sent. Returns whether there is more."""
        try:
            self.request = self.request[self.socket.send(self.request) :]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self.request = b""  # The server has answered without reading all of it.
        return bool(self.request)

    def read(self):
        """Takes what has come. Returns whether the exchange is over."""
        try:
            piece = self.socket.recv(1 << 16)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            piece = b""
        if not piece:
            return self.end()
        now = time.monotonic()
        # A mark may be cut in two by the end of a piece.
        seen = self.tail + piece
        self.times += [now] * seen.count(b"data: {")
        self.tail = seen[-6:]
        self.pieces.append(piece)
        if self.leave_after is not None and len(self.times) > self.leave_after:
            self.has_left = True
            return self.end()
        return False

    def end(self):
        self.socket.close()
        self.ended = time.monotonic()
        return True

    # What is in the answer; for when it is over.

    def answer(self):
        """Status, and the body without the marks of its transfer."""
        head, _, rest = b"".join(self.pieces).partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1]) if head else 0
        if b"transfer-encoding: chunked" not in head.lower():
            return status, rest
        body = []
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            if length == 0:
                return status, b"".join(body)
            body.append(rest[:length])
            rest = rest[length + 2 :]
        return status, b"".join(body)

    def events(self):
        """The events of a stream as JSON, and whether it was complete."""
        _, body = self.answer()
        lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
        return [json.loads(line) for line in lines if line != b"[DONE]"], bool(lines) and lines[-1] == b"[DONE]"


def run(clients, next_exchange):
    """Keeps `clients` exchanges under way, each followed by what `next_exchange(client)` gives, until that is None.

    Returns the exchanges in the order of their ends, and the seconds of processor time that this took here.
    """
    began = time.process_time()
    done = []
    with selectors.DefaultSelector() as selector:

        def start(client):
            exchange = next_exchange(client)
            if exchange is not None:
                exchange.begin()
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if exchange.request else 0)
                selector.register(exchange.socket, events, (client, exchange))

        for client in range(clients):
            start(client)
        while selector.get_map():
            ready = selector.select(120)
            assert ready, "nothing has come for two minutes"
            for key, events in ready:
                client, exchange = key.data
                if events & selectors.EVENT_WRITE and not exchange.write():
                    selector.modify(exchange.socket, selectors.EVENT_READ, key.data)
                if events & selectors.EVENT_READ:
                    descriptor = exchange.socket
                    if exchange.read():
                        selector.unregister(descriptor)
                        done.append(exchange)
                        start(client)
    return done, time.process_time() - began


def quantile(values, part):
    """The value that `part` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
