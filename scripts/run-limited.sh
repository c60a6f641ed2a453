#!/usr/bin/env bash
# Runs a command that must end within so many seconds. If it does not, says where every thread of it and of the processes
# that it started is, ends them, and fails with 124: a test that hangs then names the place, instead of a log that breaks off.
#
#   scripts/run-limited.sh 900 swift test -c release --disable-testable-imports
set -uo pipefail

if [ $# -lt 2 ] || ! [ "$1" -gt 0 ] 2>/dev/null; then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
limit=$1
shift

# The process given and all that descend from it, parents first.
family() {
  echo "$1"
  local child
  for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do family "$child"; done
}

# What the threads of a process are doing: their stacks if there is gdb, and in any case what the kernel says.
show_threads() {
  echo "-- process $1: $(tr '\0' ' ' <"/proc/$1/cmdline" | cut -c1-200)"
  if command -v gdb >/dev/null; then
    timeout 120 gdb -p "$1" -batch -ex 'thread apply all backtrace 24' 2>/dev/null | grep -E '^(Thread|#)' | cut -c1-240
  fi
  local task
  for task in /proc/"$1"/task/*; do
    echo "thread ${task##*/} $(cat "$task/comm") $(cut -d' ' -f3 "$task/stat"), waiting in $(cat "$task/wchan")"
  done 2>/dev/null
}

# Lines come out as they are written.
stdbuf -oL "$@" &
command=$!
trap 'kill -TERM $(family "$command") 2>/dev/null' INT TERM

end=$((SECONDS + limit))
while kill -0 "$command" 2>/dev/null; do
  if [ "$SECONDS" -ge "$end" ]; then
    printf '\n== not finished after %s s: %s\n' "$limit" "$*"
    # Some start groups of their own, so each is ended by its number.
    processes=$(family "$command")
    for process in $processes; do show_threads "$process"; done
    kill -TERM $processes 2>/dev/null
    sleep 5
    kill -KILL $processes 2>/dev/null
    exit 124
  fi
  sleep 1
done
wait "$command"
