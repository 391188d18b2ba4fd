#!/usr/bin/env bash
# Builds corollary and its tests with CUDA and packs them with the libraries they need, for a GPU machine that has none of our build's
# packages: only a driver and CUDA's libraries (cuBLASLt, cuDNN; those of a PyTorch installation will do).
#   tools/gpu_package.sh [OUT.tar.gz] [GPU generations, such as "90" or "80;90"]
# There: unpack it and run corollary-gpu/tools/gpu_check.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-build/corollary-gpu.tar.gz}")
programs=(corollary tests/device_test tests/comm_test tests/kernels_test tests/cudnn_attention_test tests/train_cuda_test)
cmake --preset release -DCOROLLARY_CUDA=ON -DCOROLLARY_TESTS=ON ${2:+-DCOROLLARY_CUDA_ARCHITECTURES="$2"}
cmake --build --preset release --target $(for p in "${programs[@]}"; do basename "$p"; done)
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
root=$staging/corollary-gpu
mkdir -p "$root/bin" "$root/lib" "$root/bench"
for program in "${programs[@]}"; do
  cp "build/release/$program" "$root/bin/"
  strip "$root/bin/$(basename "$program")"
done
# All but what every Linux has and what must be the machine's own.
ldd "$root"/bin/* | awk '/=> \//{print $3}' | sort -u | grep -vE '/(ld-linux|lib(c|m|dl|pthread|rt|resolv|gcc_s|stdc\+\+|cuda|cudart|cublas|cudnn|nccl)[.-])' |
  while read -r library; do cp -L "$library" "$root/lib/"; done
cp -r bench/peers "$root/bench/"
cp -r tools "$root/"
git log -1 --format=%h >"$root/COMMIT" 2>/dev/null || true
tar -C "$staging" -czf "$out" corollary-gpu
ls -l "$out"
