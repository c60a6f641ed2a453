#!/usr/bin/env bash
# Tests the page at / in a real browser: headless Chromium, driven from Python by Playwright (from PyPI, in an
# environment of its own under .build). Without --url it runs against a stand-in for the server, which needs no model.
#
# Run: scripts/test-page.sh [--install] [--url http://127.0.0.1:8080] [--key KEY] [--screenshots DIR] [TEST...]
#
#   --install          fetch Chromium with apt-get if it is not there (Debian has it as a package)
#   --url URL          test the page of a server that runs already; what only the stand-in can do is skipped
#   --key KEY          the API key of that server
#   --screenshots DIR  keep pictures of the page there
#   TEST               run only these, for example test_chat.ChatTest.test_copy
#
# CHROMIUM names another browser than the first of chromium, chromium-browser and google-chrome; PAGE_TEST_SECONDS says how
# long the tests may take in all (600).
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "test-page: $*" >&2
  exit 2
}

install=false
tests=()
while [ $# -gt 0 ]; do
  case $1 in
    --install) install=true ;;
    --url | --key | --screenshots)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --url) export PAGE_URL=$2 ;;
        --key) export PAGE_KEY=$2 ;;
        --screenshots)
          mkdir -p "$2"
          PAGE_SCREENSHOTS=$(cd "$2" && pwd)
          export PAGE_SCREENSHOTS
          ;;
      esac
      shift
      ;;
    -*) fail "$1 is no option" ;;
    *) tests+=("$1") ;;
  esac
  shift
done

find_browser() { command -v chromium || command -v chromium-browser || command -v google-chrome || true; }
CHROMIUM=${CHROMIUM:-$(find_browser)}
if [ -z "$CHROMIUM" ] && $install; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-dejavu-core python3-venv >/dev/null
  CHROMIUM=$(find_browser)
fi
[ -n "$CHROMIUM" ] || fail "there is no Chromium; --install fetches it"
export CHROMIUM

environment=.build/page-tests
if ! "$environment/bin/python" -c 'import playwright' 2>/dev/null; then
  python3 -m venv "$environment" || fail "python3 -m venv does not work; Debian has it as python3-venv"
  "$environment/bin/pip" install --quiet 'playwright>=1.49'
fi

cd Tests/PageAcceptance
export PYTHONDONTWRITEBYTECODE=1
if [ ${#tests[@]} -eq 0 ]; then
  tests=(discover -v)
else
  tests=(-v "${tests[@]}")
fi
exec timeout --verbose --kill-after=10 "${PAGE_TEST_SECONDS:-600}" \
  "../../$environment/bin/python" -m unittest "${tests[@]}"
