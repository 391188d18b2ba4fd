#!/usr/bin/env bash
# Installs what is missing, builds with tests, runs them all. The exit status is ctest's.
#   scripts/test.sh [--skip-slow] [further arguments of ctest, such as -R NAME]
set -euo pipefail
cd "$(dirname "$0")/.."
arguments=()
for argument in "$@"; do
  if [ "$argument" = --help ]; then
    sed -n '2,3s/^# //p' "$0"
    exit 0
  elif [ "$argument" = --skip-slow ]; then
    arguments+=(-LE slow)
  else
    arguments+=("$argument")
  fi
done
source scripts/install.sh
install_packages test
cmake --preset release -DCOROLLARY_TESTS=ON
cmake --build --preset release
exec ctest --test-dir build/release -j "$(nproc)" --output-on-failure "${arguments[@]}"
