#!/usr/bin/env bash
# Installs OpenVINO GenAI into a virtual environment, where scripts/measure_peers.py looks for it: 300 MB of wheels, nothing
# to compile.
#
# Run: scripts/install-openvino.sh [DIR]     (default: where the script looks by itself)
set -euo pipefail
cache=${INFLIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/inflight}
directory=${1:-$cache/openvino}
version=${OPENVINO_GENAI_VERSION:-2026.4.1.0}

if ! "$directory/bin/python" -c 'import openvino_genai' 2>/dev/null; then
  python3 -m venv "$directory"
  "$directory/bin/python" -m pip install "openvino-genai==$version"
fi
"$directory/bin/python" -c 'import openvino_genai; print("openvino-genai", openvino_genai.__version__)'
