#!/usr/bin/env bash
# Installs what building (and testing) needs on Debian 12, 13 and Ubuntu 22.04, 24.04: packages by name, only those that are missing.
#   scripts/install.sh [build|test]      sourced, it only defines install_packages, which may export CXX
set -euo pipefail

# A line is one need: names in order of preference, the first that this distribution has is taken. "?" marks what may be absent.
build_needs='
g++
cmake
ninja-build
pkg-config|pkgconf
?ccache
ca-certificates
libarchive-dev
?libbrotli-dev
libcli11-dev
libcpp-httplib-dev
libcurl4-openssl-dev
libdeflate-dev
libdnnl-dev
?libfasttext-dev
libfmt-dev
libhwy-dev
libjs-katex
liblzma-dev
?libopenmpi-dev
libre2-dev
libsentencepiece-dev
libsimdjson-dev
libspdlog-dev
libssl-dev
libtbb-dev
libtomlplusplus-dev
libutf8proc-dev
libxxhash-dev
libzstd-dev
nlohmann-json3-dev
?openmpi-bin
zlib1g-dev
'
test_needs='
libgmock-dev
libgtest-dev
librapidcheck-dev
xz-utils
?chromium
?texlive-binaries
?libopenblas0-pthread
?munge
?python3-nbconvert
?python3-html2text
?python3-numpy
?python3-readability
?python3-sentencepiece
?python3-torch
?python3-xxhash
?slurm-client
?slurm-wlm-mpi-plugins
?slurmctld
?slurmd
'

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
# Not `apt-cache | grep -q`: grep leaves at the first match, and under pipefail the broken pipe would read as "no such package".
has_candidate() { [[ "$(apt-cache policy "$1" 2>/dev/null)" =~ Candidate:\ [^\(] ]]; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "error: installing packages needs root: install sudo, or run this once as root: scripts/install.sh" >&2
    return 1
  fi
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 -qq "$@"; }

update_lists_once() {
  [ -z "${lists_are_updated:-}" ] || return 0
  lists_are_updated=1
  apt_get update
}

# The package to install for a need, if it is not met yet; fails if the distribution has none of its names.
package_for() {
  local name
  for name in ${1//|/ }; do
    is_installed "$name" && return 0
  done
  for name in ${1//|/ }; do
    has_candidate "$name" && echo "$name" && return 0
  done
  return 1
}

install_packages() {
  local need package packages=() absent=()
  if ! command -v apt-get >/dev/null; then
    echo "error: no apt-get here: install the packages named in scripts/install.sh by your system's own means, then run cmake as README.md says" >&2
    return 1
  fi
  # The quickstart reads packages through apt: without lists it could not, even if nothing had to be installed.
  compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null || update_lists_once
  local needs=$build_needs
  [ "${1:-build}" = test ] && needs+=$test_needs
  for need in $needs; do
    if ! package=$(package_for "${need#\?}"); then
      update_lists_once
      if ! package=$(package_for "${need#\?}"); then
        if [ "${need:0:1}" = '?' ]; then
          echo "note: ${need#\?} is not in this distribution; what needs it is skipped" >&2
        else
          absent+=("$need")
        fi
        continue
      fi
    fi
    [ -z "$package" ] || packages+=("$package")
  done
  if [ ${#absent[@]} -gt 0 ]; then
    echo "error: this distribution has no package ${absent[*]} (on Ubuntu, is the component universe enabled?)" >&2
    return 1
  fi
  if [ ${#packages[@]} -gt 0 ]; then
    echo "installing: ${packages[*]}"
    update_lists_once
    apt_get install -y --no-install-recommends "${packages[@]}" >/dev/null
  fi
  choose_compiler
  install_web_assets
}

# C++20 as used here needs g++ 12; Ubuntu 22.04's default is 11, its archive has both.
choose_compiler() {
  [ -n "${CXX:-}" ] && return 0
  [ "$(g++ -dumpversion | cut -d. -f1)" -ge 12 ] && return 0
  is_installed g++-12 || apt_get install -y --no-install-recommends g++-12 >/dev/null
  export CXX=g++-12
}

# uPlot, which the report page embeds, is no Debian package; npm fetches it, pinned by digest in package-lock.json.
install_web_assets() {
  local web
  web="$(dirname "${BASH_SOURCE[0]}")/../src/explore/web"
  [ -d "$web/node_modules/uplot" ] && return 0
  if ! command -v npm >/dev/null; then
    echo "installing: npm"
    update_lists_once
    apt_get install -y --no-install-recommends npm >/dev/null
  fi
  npm ci --omit=optional --ignore-scripts --no-audit --no-fund --prefix "$web"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  install_packages "${1:-build}"
fi
