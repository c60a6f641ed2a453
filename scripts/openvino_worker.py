"""Runs OpenVINO GenAI for scripts/measure_peers.py: commands in, seconds out, one JSON object per line.

Needs: pip install openvino-genai   (scripts/install-openvino.sh puts it into a virtual environment)

The first line says that the library is there: {"ok": true, "version": ...}. Then, as of llama_cpp_worker.py:

{"command": "load", "model": PATH, "threads": N, "context": TOKENS, "batch": TOKENS}    a .gguf file or a converted directory
{"command": "prefill", "tokens": [...]}     one prompt, until its first token can be read
{"command": "decode", "tokens": [...]}      after a prefill: as many more tokens of its answer
{"command": "batch", "prompts": [[...]], "output": N, "concurrency": N}      the prompts in a closed loop, N at a time
{"command": "stop"}

Its pipeline takes no answer but its own, so which tokens a decode names does not matter. Tokens are chosen greedily, the end of
the sequence is ignored, and prefixes are not reused.
"""

import json
import os
import sys
import time

# Whatever the library prints goes to standard error; only answers go to standard output.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(value):
    print(json.dumps(value), file=answers, flush=True)


try:
    import numpy
    import openvino
    import openvino_genai as genai
except ImportError as error:
    answer({"ok": False, "error": "%s; install it with scripts/install-openvino.sh" % error})
    sys.exit(0)

CACHE_GIGABYTES = 2


class Worker:
    def load(self, model, threads, context, batch):
        scheduler = genai.SchedulerConfig()
        scheduler.max_num_batched_tokens = batch
        scheduler.cache_size = CACHE_GIGABYTES
        scheduler.enable_prefix_caching = False
        start = time.perf_counter()
        self.pipeline = genai.ContinuousBatchingPipeline(
            model, scheduler, "CPU", {"INFERENCE_NUM_THREADS": threads})
        seconds = time.perf_counter() - start
        self.context, self.requests, self.request = context, 0, None
        self.prefill(list(range(1, 33)))
        self.decode([1, 2, 3, 4])
        return {"seconds": seconds}

    def add(self, tokens, output):
        configuration = genai.GenerationConfig(max_new_tokens=output, ignore_eos=True, do_sample=False)
        self.requests += 1
        ids = openvino.Tensor(numpy.array([tokens], dtype=numpy.int64))
        return self.pipeline.add_request(self.requests, ids, configuration)

    def step(self, handles):
        """One pass; how many new tokens each of the requests has."""
        self.pipeline.step()
        counts = []
        for handle in handles:
            count = 0
            while handle.can_read():
                count += sum(len(output.generated_ids) for output in handle.read().values())
            counts.append(count)
        return counts

    def until(self, wanted):
        start, tokens = time.perf_counter(), 0
        while tokens < wanted:
            if not self.pipeline.has_non_finished_requests():
                raise ValueError("the answer has ended: more tokens than the context that was asked for")
            tokens += self.step([self.request])[0]
        return {"seconds": time.perf_counter() - start}

    def clear(self):
        """Ends the request of the last prefill, which runs on as long as there are passes."""
        if self.request:
            self.request.cancel()
            self.request = None
        while self.pipeline.has_non_finished_requests():
            self.pipeline.step()

    def prefill(self, tokens):
        self.clear()
        start = time.perf_counter()
        self.request = self.add(tokens, self.context + 1 - len(tokens))  # The last one is not read again.
        self.until(1)
        return {"seconds": time.perf_counter() - start}

    def decode(self, tokens):
        return self.until(len(tokens))

    def batch_loop(self, prompts, output, concurrency):
        self.clear()
        waiting, running, generated = list(reversed(prompts)), [], 0
        start = time.perf_counter()
        while waiting or running:
            while waiting and len(running) < concurrency:
                running.append([self.add(waiting.pop(), output), 0])
            for state, count in zip(running, self.step([handle for handle, _ in running])):
                state[1] += count
                generated += count
            running = [state for state in running if state[1] < output]
        return {"seconds": time.perf_counter() - start, "tokens": generated}


def main():
    answer({"ok": True, "version": genai.__version__})
    worker = Worker()
    actions = {"load": worker.load, "prefill": worker.prefill, "decode": worker.decode, "batch": worker.batch_loop}
    for line in sys.stdin:
        request = json.loads(line)
        command = request.pop("command")
        if command == "stop":
            break
        try:
            answer(dict(actions[command](**request), ok=True))
        except Exception as error:
            answer({"ok": False, "error": "%s: %s" % (type(error).__name__, str(error).strip())})


main()
