#!/usr/bin/env bash
# Checks guided decoding with the package jsonschema: documents that are generated at random under more than a hundred
# schemas, and by the executor on random logits (more than 10,000 with INFLIGHT_LONG_TESTS=1), are all valid, and the schemas
# of the JSON Schema Test Suite, which comes with the package's sources, are compiled or refused by name and accept nothing
# that is not valid.
#
# Needs: python3 with venv, and the network for pip.
#
#   scripts/check-guided.sh            checks
#   scripts/check-guided.sh --update   and writes the hashes of the documents that were found valid, for the tests
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=${PYTHON:-}
if [[ -z $python ]]; then
  python3 -m venv "$work/venv"
  python=$work/venv/bin/python
  "$python" -m pip install --quiet "jsonschema[format-nongpl]==4.26.0"
fi
"$python" -m pip download --quiet --no-deps --no-binary jsonschema --dest "$work" jsonschema==4.26.0
tar -xzf "$work"/jsonschema-4.26.0.tar.gz -C "$work"
"$python" scripts/check_guided.py suite "$work/jsonschema-4.26.0/json/tests/draft2020-12" "$work/suite.json"

package=${GUIDED_PACKAGE:-.}
INFLIGHT_GUIDED_DOCUMENTS=$work/documents.json INFLIGHT_SCHEMA_SUITE=$work/suite.json \
  INFLIGHT_GENERATED_DOCUMENTS=$work/generated.json \
  swift test --package-path "$package" -c release --disable-testable-imports --filter "GuidedTests|RandomGenerationTests"
summary=
[[ ${1:-} == --update ]] && summary=Tests/GuidedTests/Goldens/documents.json
"$python" scripts/check_guided.py documents "$work/documents.json" $summary
"$python" scripts/check_guided.py documents "$work/generated.json"
