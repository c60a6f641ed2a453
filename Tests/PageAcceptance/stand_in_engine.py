"""An engine that only pretends: it batches requests in flight, reads prompts in chunks and keeps blocks, as the real one
does, and its answers come from a table. Standard library only."""

import itertools
import queue
import threading
import time

BLOCK_TOKENS = 16
BLOCK_COUNT = 320
MAXIMUM_BATCH = 12
CHUNK_TOKENS = 64
STEP_SECONDS = 0.012
RUN_SECONDS = 0.0012


def runs(letters):
    """The letters as the server sends them: the length of a run of the same one before it."""
    return "".join(f"{len(run) if len(run) > 1 else ''}{letter}" for letter, run in
                   ((letter, list(group)) for letter, group in itertools.groupby(letters)))


class Request:
    """One prompt and the tokens of its answer; `events` gets each token's text, then None."""

    numbers = itertools.count(1)

    def __init__(self, prompt, answer, limit):
        self.id = f"req-{next(Request.numbers):06d}"
        self.prompt_tokens = max(1, len(prompt) // 4)
        self.prefix = prompt[: BLOCK_TOKENS * 4 * 2]
        self.answer = answer
        self.limit = min(limit, len(answer))
        self.reason = "length" if limit < len(answer) else "stop"
        self.processed = 0
        self.generated = 0
        self.blocks = []
        self.cached_tokens = 0
        self.events = queue.Queue()
        self.cancelled = False
        self.arrived = time.monotonic()


class Engine(threading.Thread):
    """Steps while there is something to do and tells every listener after each."""

    def __init__(self):
        super().__init__(daemon=True)
        self.lock = threading.Condition()
        self.waiting = []
        self.running = []
        self.owners = [0] * BLOCK_COUNT
        self.kept = {}
        self.step = 0
        self.listeners = set()
        self.rate = self.ttft = self.itl = None
        self.latest = self.state([], 0.0)

    def submit(self, request):
        with self.lock:
            self.waiting.append(request)
            self.lock.notify()

    def cancel(self, request):
        with self.lock:
            request.cancelled = True
            self.lock.notify()

    def listen(self):
        listener = queue.Queue(maxsize=256)
        listener.put(self.latest)
        with self.lock:
            self.listeners.add(listener)
        return listener

    def drop_listeners(self):
        """Ends the streams of all listeners."""
        with self.lock:
            for listener in self.listeners:
                listener.put(None)

    def leave(self, listener):
        with self.lock:
            self.listeners.discard(listener)

    def reasons(self):
        """Why requests wait, those that go first first."""
        with self.lock:
            words = [f"waits behind {before.id}, which came first" for before in self.waiting[:-1]]
            words = [f"waits for a place in the batch, which holds {MAXIMUM_BATCH} requests", *words]
            return [{"request": request.id, "reason": f"request {request.id} {why}"} for request, why in zip(self.waiting, words)]

    def run(self):
        while True:
            with self.lock:
                while not self.waiting and not self.running:
                    self.lock.wait()
                runs = self.schedule()
            seconds = STEP_SECONDS + RUN_SECONDS * len(runs) + 0.0002 * sum(count for _, count in runs)
            time.sleep(seconds)
            with self.lock:
                self.advance(runs, seconds)

    def schedule(self):
        """Who runs now and how many tokens: everybody who writes, and one chunk of those who read."""
        for request in [one for one in self.running + self.waiting if one.cancelled]:
            self.finish(request)
        while self.waiting and len(self.running) < MAXIMUM_BATCH and self.board(self.waiting[0]):
            self.running.append(self.waiting.pop(0))
        runs, room = [], CHUNK_TOKENS * 2
        for request in self.running:
            left = request.prompt_tokens - request.processed
            count = 1 if left <= 0 else min(left, CHUNK_TOKENS, room)
            room -= count if left > 0 else 0
            if count > 0:
                runs.append((request, count))
        return runs

    def board(self, request):
        """Takes the blocks for the whole request; those of a known beginning are shared."""
        needed = -(-(request.prompt_tokens + request.limit) // BLOCK_TOKENS)
        shared = self.kept.get(request.prefix, []) if request.prompt_tokens > 2 * BLOCK_TOKENS else []
        kept = {block for blocks in self.kept.values() for block in blocks}
        free = [block for block in range(BLOCK_COUNT) if self.owners[block] == 0 and block not in kept]
        if len(free) < needed - len(shared):
            self.kept = {prefix: blocks for prefix, blocks in self.kept.items() if any(self.owners[b] for b in blocks)}
            return False
        # Blocks lie anywhere: not the first free ones, but spread as after long use.
        request.blocks = shared + [free[(7 * i) % len(free)] if len(free) % 7 else free[i] for i in range(needed - len(shared))]
        for block in request.blocks:
            self.owners[block] += 1
        request.cached_tokens = len(shared) * BLOCK_TOKENS
        request.processed = request.cached_tokens
        return True

    def advance(self, runs, seconds):
        self.step += 1
        batch = []
        for request, count in runs:
            is_context = request.processed < request.prompt_tokens
            batch.append({"id": request.id, "phase": "context" if is_context else "generation", "tokens": count,
                          "prompt_tokens": request.prompt_tokens, "generated": request.generated})
            if is_context:
                request.processed += count
                if request.processed < request.prompt_tokens:
                    continue
                self.ttft = (time.monotonic() - request.arrived) * 1000
            request.events.put(request.answer[request.generated])
            request.generated += 1
            if request.generated >= request.limit:
                self.finish(request)
        written = sum(1 for run in batch if run["phase"] == "generation")
        rate = written / seconds
        self.rate = rate if self.rate is None else 0.9 * self.rate + 0.1 * rate
        if written:
            self.itl = seconds * 1000 if self.itl is None else 0.8 * self.itl + 0.2 * seconds * 1000
        if not self.running and not self.waiting:
            self.rate = 0.0
        self.tell(self.state(batch, seconds))
        if not self.running and not self.waiting:
            self.tell(self.state([], 0.0))

    def finish(self, request):
        for line in (self.running, self.waiting):
            if request in line:
                line.remove(request)
        if request.blocks and request.processed >= request.prompt_tokens > 2 * BLOCK_TOKENS:
            self.kept.setdefault(request.prefix, request.blocks[:2])
            self.kept[request.prefix + request.id] = request.blocks[2: request.prompt_tokens // BLOCK_TOKENS]
        for block in request.blocks:
            self.owners[block] -= 1
        request.blocks = []
        request.events.put(None)

    def state(self, batch, seconds):
        kept = {block for blocks in self.kept.values() for block in blocks}
        letters = ["s" if owners > 1 else "u" if owners else "c" if block in kept else "."
                   for block, owners in enumerate(self.owners)]
        return {"step": self.step, "time_ms": round(seconds * 1000, 3), "batch": batch, "waiting": len(self.waiting),
                "blocks": {"total": BLOCK_COUNT, "used": letters.count("u") + letters.count("s"),
                           "cached": letters.count("c"), "free": letters.count("."), "map": runs("".join(letters))},
                "tokens_per_second": self.rate, "ttft_ms": self.ttft, "itl_ms": self.itl}

    def tell(self, state):
        self.latest = state
        for listener in self.listeners:
            try:
                listener.put_nowait(state)
            except queue.Full:
                pass
