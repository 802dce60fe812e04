#!/usr/bin/env bash
# Make the repository's own baselines again: 14 nights of each simulated target, run and promoted, and 12 runs
# of every golden task, from four nights.
# Needed when the cases, the simulator, or what identifies a case change.
set -euo pipefail
drift=$(realpath "${1:?usage: make_baselines.sh DRIFT}")
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$root/canaries" "$root/probes" "$root/golden" "$root/prompts" "$root/drift.yaml" "$work"
cd "$work"
git init --quiet
git config user.name "drift maintainers"
git config user.email "maintainers@drift.invalid"
for pair in canary/steady probes/weights; do
  suite=${pair%/*} target=${pair#*/}
  for day in $(seq -w 1 14); do
    "$drift" -q check "$suite" --target "$target" --scheduled --night "2026-11-$day" >/dev/null
  done
  "$drift" -q calibrate "$suite" --target "$target" --from-runs last:14 \
    --reason "The first fourteen nights of the simulated target, none of them drifted."
  rm -rf "$root/baselines/$pair"
  mkdir -p "$root/baselines/$suite"
  cp -r "baselines/$pair" "$root/baselines/$pair"
done
for day in 01 04 07 10; do
  "$drift" -q calibrate golden --samples 3 --night "2026-11-$day" \
    --reason "Three of the first twelve runs of the tasks, on one of four nights."
done
rm -rf "$root/baselines/golden"
cp -r baselines/golden "$root/baselines/golden"
