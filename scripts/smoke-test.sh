#!/usr/bin/env bash
# Runs the built command as a user would, on the default model (fetched if it is not in the cache), and checks what it
# prints and how it exits.
#
# Run: scripts/smoke-test.sh        (after swift build -c release)
set -euo pipefail
cd "$(dirname "$0")/.."
inflight=$(swift build -c release --show-bin-path)/inflight
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "smoke test: $*" >&2
  exit 1
}

# expect STATUS COMMAND...: runs the command and checks its exit status.
expect() {
  local expected=$1 status=0
  shift
  "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
  [ "$status" = "$expected" ] || fail "$* exited with $status, not $expected: $(cat "$work/err")"
}

# field NAME: the value of a member of the JSON object that the last command printed.
field() { python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))[sys.argv[2]]))' "$work/out" "$1"; }

expect 0 "$inflight" pull
expect 0 "$inflight" generate "The capital of France is" --temperature 0 --max-tokens 16 --json
case $(field text) in
  '" Paris.'*) ;;
  *) fail "generate printed $(field text)" ;;
esac
[ ! -s "$work/err" ] || fail "something was written to standard error of a pipe: $(cat "$work/err")"
echo "first token after $(field ttft_ms) ms"

echo '[{"role": "user", "content": "Hello"}]' >"$work/messages"
"$inflight" template <"$work/messages" | grep -q '<|im_start|>user' || fail "the template was not rendered"
printf 'Hello, world' | "$inflight" tokenize --json | grep -q '"token_ids":\[19556' || fail "tokenize"
printf 'The capital of France is Paris.' | "$inflight" score | grep -q '^perplexity ' || fail "score"
printf 'Hello\n/quit\n' | "$inflight" chat --max-tokens 8 2>/dev/null | grep -q . || fail "chat"
expect 0 "$inflight" inspect --json
expect 0 "$inflight" bench --prompt-tokens 64 --output-tokens 8 --concurrency 4 --json
for member in prefill_tokens_per_second decode_tokens_per_second ttft_ms itl_ms step_overhead_us limits of_limit; do
  field "$member" >/dev/null || fail "bench --json has no $member"
done
expect 0 "$inflight" bench --prompt-tokens 32 --output-tokens 4 --profile
grep -q 'gate/up product' "$work/out" || fail "bench --profile shows no products"
expect 0 "$inflight" bench --sweep 1,2 --requests 2 --prompt-tokens 32 --output-tokens 4 --report "$work/report.html"
python3 - "$work/report.html" <<'CHECK' || fail "the report of bench --sweep is not well-formed"
import sys
import xml.etree.ElementTree as tree

page = tree.parse(sys.argv[1])
assert len(page.findall(".//{http://www.w3.org/2000/svg}svg")) == 5
CHECK
cat >"$work/list.json" <<'SCHEMA'
{"type": "array", "items": {"type": "string"}, "minItems": 50}
SCHEMA
expect 0 "$inflight" bench --sampling --json-schema "$work/list.json" --rounds 1 --concurrency 2 \
  --prompt-tokens 32 --output-tokens 8 --json
expect 2 "$inflight" bench --sweep 2,1
expect 2 "$inflight" bench --report x.html
expect 1 "$inflight" bench --compare llama.cpp --python "$work/no-such-python"
expect 0 "$inflight" inspect --memory 400MiB --kv-cache-type int8 --json
python3 -c 'import json, sys; m = json.load(open(sys.argv[1]))["memory"]; assert m["total_bytes"] <= 400 << 20' "$work/out" ||
  fail "the ledger exceeds the limit"
expect 0 "$inflight" generate "Once upon a time" --max-tokens 8 --temperature 0.9 --seed 3 --record "$work/run" --record-contents \
  --capacity-policy max-utilization --chunking equal-progress --kv-host-cache 16MiB --target-itl 50
expect 0 "$inflight" replay "$work/run" --threads 1
grep -q 'compared: 8 tokens' "$work/out" || fail "replay printed $(cat "$work/out")"
sed 's/"tokens":\[0,[0-9]*/"tokens":[0,1/' "$work/run" >"$work/other"
expect 1 "$inflight" replay "$work/other"
grep -q 'request 0, generated token 0, step 1: 1 was recorded' "$work/out" || fail "replay printed $(cat "$work/out")"
for run in first second; do
  expect 0 "$inflight" generate "$(head -c 1000 README.md)" --max-tokens 4 --prefix-cache-file "$work/prefixes" --json
  cp "$work/out" "$work/$run"
done
[ "$(field token_ids)" = "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["token_ids"])' "$work/first")" ] ||
  fail "the answer with a restored prefix differs"
expect 0 "$inflight" simulate --generate 100 --rate 5 --all-policies --write-trace "$work/trace.csv" --json
expect 0 "$inflight" simulate --trace "$work/trace.csv" --step-ms 1
expect 2 "$inflight" simulate
expect 2 "$inflight" generate "Hello" --memory 5x
expect 0 "$inflight" generate "Hello" --max-tokens 4 --kv-host-cache 1MiB --kv-disk-cache "$work:1MiB"
expect 1 "$inflight" generate "Hello" --memory 100MiB
expect 2 "$inflight" generate "Hello" --block-size 48
expect 1 "$inflight" replay "$work/trace.csv"
expect 0 "$inflight" generate "My favourite colour is " --choice "red,dark blue" --temperature 1 --seed 1
grep -qxE 'red|dark blue' "$work/out" || fail "a choice printed $(cat "$work/out")"
expect 0 "$inflight" generate "My favourite colour is " --choice "red,dark blue" --record "$work/guided" --record-contents
expect 0 "$inflight" replay "$work/guided"
grep -qE 'compared: [1-9][0-9]* tokens' "$work/out" || fail "replay of a choice printed $(cat "$work/out")"
echo '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}' >"$work/schema"
expect 0 "$inflight" generate "A number as JSON: " --json-schema "$work/schema" --json
python3 -c 'import json, sys; assert list(json.loads(json.load(open(sys.argv[1]))["text"])) == ["n"]' "$work/out" ||
  fail "a schema printed $(cat "$work/out")"
expect 1 "$inflight" generate "Hello" --regex "("
expect 2 "$inflight" generate "Hello" --regex "a" --choice "b"
expect 1 "$inflight" health --url http://127.0.0.1:9
expect 2 "$inflight" health --url localhost
expect 0 "$inflight" --help
expect 2 "$inflight" generate --no-such-option
expect 1 "$inflight" generate ""
expect 2 "$inflight" generate "Hello" --max-tokens 0
expect 1 "$inflight" generate "Hello" --model "$work/no-such-model.gguf"
head -c 5000 "$("$inflight" pull)" >"$work/short.gguf"
expect 1 "$inflight" generate "Hello" --model "$work/short.gguf"
[ "$(wc -l <"$work/err")" = 1 ] || fail "an error is not one line: $(cat "$work/err")"
# What is no recording is not replaced, nor called undamaged.
expect 1 "$inflight" generate "Hello" --max-tokens 1 --record "$work/short.gguf"
[ "$(wc -c <"$work/short.gguf")" = 5000 ] || fail "--record has replaced a file that is no recording"
expect 1 "$inflight" pull --verify "$work/short.gguf"
expect 0 "$inflight" generate "Hello" --max-tokens 2 --presence-penalty -1 --frequency-penalty -0.5
if [ -c /dev/full ]; then
  ! "$inflight" pull --list 2>"$work/err" >/dev/full || fail "what cannot be written was"
  grep -q "standard output" "$work/err" || fail "nothing was said of what cannot be written: $(cat "$work/err")"
fi
echo "the smoke test passed"
