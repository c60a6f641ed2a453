"""Runs llama.cpp for `inflight bench --compare llama.cpp`: commands in, seconds out, one JSON object per line.

Needs: pip install llama-cpp-python   (scripts/install-llama-cpp.sh puts it into a virtual environment)

The command has a copy of this file inside and feeds it to the interpreter; a test compares the two.

The first line says that the library is there: {"ok": true, "version": ...}. Then:

{"command": "load", "model": PATH, "threads": N, "context": TOKENS, "batch": TOKENS}
{"command": "prefill", "tokens": [...]}     one prompt, up to the logits of its last token
{"command": "decode", "tokens": [...]}      after a prefill: these tokens, one pass each
{"command": "batch", "prompts": [[...]], "output": N, "concurrency": N}
    the prompts in a closed loop: N at a time, answers of one token per pass beside as much of new prompts as fits the batch
{"command": "stop"}

Nothing is sampled: which token comes next makes no difference to the time, and the engine is timed, not Python.
"""

import ctypes
import json
import os
import sys
import time

try:
    import llama_cpp as ll
except ImportError as error:
    print(json.dumps({"ok": False, "error": "%s; install it with scripts/install-llama-cpp.sh" % error}))
    sys.exit(0)


@ll.llama_log_callback
def silent(level, text, data):
    pass


class Failure(Exception):
    pass


class Worker:
    def load(self, model, threads, context, batch):
        ll.llama_backend_init()
        ll.llama_log_set(silent, ctypes.c_void_p(0))
        parameters = ll.llama_model_default_params()
        parameters.n_gpu_layers = 0
        start = time.perf_counter()
        self.model = ll.llama_model_load_from_file(model.encode(), parameters)
        if not self.model:
            raise Failure("llama.cpp cannot load " + model)
        self.threads, self.size, self.sequences = threads, batch, 0
        self.batch = ll.llama_batch_init(batch, 0, 1)
        self.vocabulary = ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(self.model))
        self.open(context, 1)
        seconds = time.perf_counter() - start
        self.prefill([i % self.vocabulary for i in range(1, 33)])
        self.decode([1, 2, 3, 4])
        return {"seconds": seconds}

    def open(self, context, sequences):
        """Makes a context for sequences of `context` tokens each, unless there is one."""
        if (context, sequences) == getattr(self, "shape", None):
            return
        if getattr(self, "context", None):
            ll.llama_free(self.context)
        self.shape = (context, sequences)
        parameters = ll.llama_context_default_params()
        # The cache is cut into equal parts of whole blocks.
        parameters.n_ctx = (context + 255) // 256 * 256 * sequences
        parameters.n_batch = parameters.n_ubatch = self.size
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = self.threads
        self.context = ll.llama_init_from_model(self.model, parameters)
        if not self.context:
            raise Failure("llama.cpp cannot make a context of %d tokens" % parameters.n_ctx)

    def run(self, tokens):
        """One pass over (token, position, sequence, whether its logits are wanted)."""
        batch = self.batch
        batch.n_tokens = len(tokens)
        for i, (token, position, sequence, wanted) in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = wanted
        status = ll.llama_decode(self.context, batch)
        if status != 0:
            raise Failure("llama_decode returned %d" % status)
        ll.llama_synchronize(self.context)

    def prefill(self, tokens):
        self.open(self.shape[0], 1)
        ll.llama_memory_clear(ll.llama_get_memory(self.context), True)
        start = time.perf_counter()
        for first in range(0, len(tokens), self.size):
            part = tokens[first : first + self.size]
            end = first + len(part) == len(tokens)
            self.run([(t, first + i, 0, end and i + 1 == len(part)) for i, t in enumerate(part)])
        self.position = len(tokens)
        return {"seconds": time.perf_counter() - start}

    def decode(self, tokens):
        start = time.perf_counter()
        for token in tokens:
            self.run([(token, self.position, 0, True)])
            self.position += 1
        return {"seconds": time.perf_counter() - start}

    def prepare(self, concurrency):
        """Makes the context of a closed loop and touches its memory, outside of what is timed."""
        self.open(self.shape[0], concurrency)
        ll.llama_memory_clear(ll.llama_get_memory(self.context), True)
        self.run([(1, 0, sequence, True) for sequence in range(min(concurrency, self.size))])

    def batch_loop(self, prompts, output, concurrency):
        if concurrency > self.size:
            raise Failure("%d requests at a time are more than the %d tokens of a pass" % (concurrency, self.size))
        self.prepare(concurrency)
        memory = ll.llama_get_memory(self.context)
        ll.llama_memory_clear(memory, True)
        waiting, slots, generated = list(reversed(prompts)), {}, 0
        start = time.perf_counter()
        while waiting or slots:
            for slot in range(concurrency):
                if slot not in slots and waiting:
                    slots[slot] = [waiting.pop(), 0, 0]  # prompt, tokens processed, tokens generated
            tokens = [(slot, s) for slot, s in slots.items() if s[1] >= len(s[0])]
            room = self.size - len(tokens)
            tokens = [(1 + s[2], s[1], slot, True) for slot, s in tokens]
            ready = [t[2] for t in tokens]
            for slot, state in slots.items():
                prompt, done, _ = state
                count = min(room, len(prompt) - done)
                if done < len(prompt) and count > 0:
                    end = done + count == len(prompt)
                    tokens += [(prompt[done + i], done + i, slot, end and i + 1 == count) for i in range(count)]
                    room -= count
                    state[1] = done + count
                    if end:
                        state[2] = 1
                        generated += 1
            self.run(tokens)
            for slot in ready:
                slots[slot][1] += 1
                slots[slot][2] += 1
                generated += 1
            for slot in [slot for slot, s in slots.items() if s[2] >= output]:
                ll.llama_memory_seq_rm(memory, slot, -1, -1)
                del slots[slot]
        return {"seconds": time.perf_counter() - start, "tokens": generated}


def main():
    # Whatever the library prints goes to standard error; only answers go to standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"ok": True, "version": ll.__version__}), file=answers, flush=True)
    worker = Worker()
    actions = {"load": worker.load, "prefill": worker.prefill, "decode": worker.decode, "batch": worker.batch_loop}
    for line in sys.stdin:
        request = json.loads(line)
        command = request.pop("command")
        if command == "stop":
            break
        try:
            answer = dict(actions[command](**request), ok=True)
        except Exception as error:
            answer = {"ok": False, "error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(answer), file=answers, flush=True)


main()
