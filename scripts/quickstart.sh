#!/usr/bin/env bash
# From a fresh clone on Debian or Ubuntu to a trained, measured, sampled model: installs packages, builds, runs recipes/quickstart.
# Arguments go to `corollary run`:  scripts/quickstart.sh --out /big/disk/run
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/install.sh
install_packages build
cmake --preset release -DCOROLLARY_TESTS=OFF
cmake --build --preset release --target corollary
exec build/release/corollary run recipes/quickstart "$@"
