#!/usr/bin/env bash
# Brings DuckDB's library, through which Parquet files are read, to where the program looks for it: <cache>/duckdb/libduckdb.so.
#   scripts/install_duckdb.sh [FOLDER]      needs npm (scripts/install.sh brings it); the package is pinned by version and digest
set -euo pipefail

version=1.5.6-r.1
case "$(uname -m)" in
  x86_64) package=@duckdb/node-bindings-linux-x64 digest=IXcrZJE6kEqM0Z4wwdVnGBHX/frOS33VPNAwDXQ/Q+Fs84b058Qe94chrCCIcNJlG8Y3UHIUU4eBeCQxW5mN1Q== ;;
  aarch64) package=@duckdb/node-bindings-linux-arm64 digest=3jnUaDil1BrF/6vAZwVaInJ1xoBaWGHB4PDiUnzJWKCo8a8TLx9j7/gPyPl/UGRBftrYIuTihRZSfF4mWMgtWA== ;;
  *)
    echo "error: no package of DuckDB's library for $(uname -m): build it, and set COROLLARY_DUCKDB to libduckdb.so" >&2
    exit 1
    ;;
esac

cache=${COROLLARY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/corollary}
folder=${1:-$cache/duckdb}
if [ -f "$folder/libduckdb.so" ] && [ "$(cat "$folder/version" 2>/dev/null)" = "$version" ]; then
  echo "DuckDB $version is in $folder"
  exit 0
fi
if ! command -v npm >/dev/null; then
  echo "error: npm is needed: scripts/install.sh installs it, or apt-get install npm" >&2
  exit 1
fi

mkdir -p "$folder"
work=$(mktemp -d "$folder/.install-XXXXXX")
trap 'rm -rf "$work"' EXIT
archive=$(cd "$work" && npm pack --silent "$package@$version")
found=$(openssl dgst -sha512 -binary "$work/$archive" | base64 -w0)
if [ "$found" != "$digest" ]; then
  echo "error: wrong digest: $package@$version has sha512 $found, expected $digest" >&2
  exit 1
fi
tar -xzf "$work/$archive" -C "$work" package/libduckdb.so package/LICENSE
mv "$work/package/LICENSE" "$folder/LICENSE"
mv "$work/package/libduckdb.so" "$folder/libduckdb.so"
echo "$version" >"$folder/version"
echo "DuckDB $version is in $folder"
