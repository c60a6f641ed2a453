#!/usr/bin/env bash
# Installs llama-cpp-python into a virtual environment, where `inflight bench --compare llama.cpp` looks for it. It is
# built from source for this machine, which takes some minutes and needs a C++ compiler and CMake (pip fetches CMake).
#
# Run: scripts/install-llama-cpp.sh [DIR]     (default: where the command looks by itself)
set -euo pipefail
cache=${INFLIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/inflight}
directory=${1:-$cache/llama-cpp}
version=${LLAMA_CPP_PYTHON_VERSION:-0.3.36}

if ! "$directory/bin/python" -c 'import llama_cpp' 2>/dev/null; then
  python3 -m venv "$directory"
  CMAKE_ARGS="${CMAKE_ARGS:--DGGML_NATIVE=ON}" \
    "$directory/bin/python" -m pip install --no-binary llama-cpp-python "llama-cpp-python==$version"
fi
"$directory/bin/python" -c 'import llama_cpp; print("llama-cpp-python", llama_cpp.__version__)'
echo "inflight bench --compare llama.cpp --python $directory/bin/python"
