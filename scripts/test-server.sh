#!/usr/bin/env bash
# Runs the built server as a user would and tests it with the openai client, with requests made from its own OpenAPI
# document, and with clients that misbehave. Takes one to two minutes.
#
# Needs Python; makes a virtual environment with the pip packages openai and schemathesis (which brings pytest) unless
# INFLIGHT_VENV names one. nginx, openssl and promtool are used where they are installed; --install gets Python's venv and
# nginx with apt-get.
#
# Run: scripts/test-server.sh [--install] [ARGUMENTS OF PYTEST]        (after swift build -c release)
set -euo pipefail
cd "$(dirname "$0")/.."
INFLIGHT=${INFLIGHT:-$(swift build -c release --show-bin-path)/inflight}
export INFLIGHT
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "${1:-}" = --install ]; then
  shift
  apt-get update -qq && apt-get install -y -qq python3-venv nginx-light openssl >/dev/null
fi

venv=${INFLIGHT_VENV:-$work/venv}
if [ ! -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet openai schemathesis
fi
PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m pytest -q -p no:cacheprovider -x Tests/ServerAcceptance "$@"
