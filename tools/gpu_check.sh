#!/usr/bin/env bash
# All that needs a GPU, in one call: the CUDA tests, then training speed, every kernel of a step, and PyTorch beside them; a table last.
#   tools/gpu_check.sh [--out FOLDER] [--only STAGE,...] [--shapes llama_7b,...]
# Stages: tests, speed, kernels, torch, table. SEQUENCES=16 a step, STEPS=3 timed, SETTINGS="1:norms:fp32 ..." (sequences a pass : recompute :
# master weights), TORCH_PRECISIONS, TORCH_ATTENTIONS and TORCH_BATCH change what is timed. Run it in a checkout that was built (cmake --preset release), or in an unpacked
# tools/gpu_package.sh. Python with PyTorch, if there is one, is the peer; its CUDA libraries serve us too.
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
out=gpu_check stages=tests,speed,kernels,torch,table shapes=llama_7b,llama_1b,llama_350m,llama_34b_6_layers torch_shapes=llama_7b
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift 2 ;;
    --only) stages=$2; shift 2 ;;
    --shapes) shapes=$2; shift 2 ;;
    --torch-shapes) torch_shapes=$2; shift 2 ;;
    *) sed -n '2,6s/^# //p' "$0"; exit 2 ;;
  esac
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ -d "$here/bin" ]; then
  bin=$here/bin tests=$here/bin
  export LD_LIBRARY_PATH=$here/lib:${LD_LIBRARY_PATH:-}
else
  bin=$here/build/release tests=$here/build/release/tests
fi
# CUDA's libraries as PyTorch brought them, where the system has none.
wheels=$(python3 - 2>/dev/null <<'P'
import glob, os, sysconfig
print(":".join(sorted({os.path.dirname(p) for p in glob.glob(os.path.join(sysconfig.get_path("purelib"), "nvidia", "**", "lib*.so*"), recursive=True)})))
P
)
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}:$wheels
failed=0
wants() { [[ ",$stages," == *",$1,"* ]]; }
run() { # seconds, log, command
  local seconds=$1 log=$2
  shift 2
  local start=$SECONDS
  timeout "$seconds" "$@" >"$out/$log" 2>"$out/$log.err"
  local rc=$?
  echo "[$((SECONDS - start)) s, exit $rc] $log"
  [ $rc = 0 ] || { failed=1; tail -n 12 "$out/$log.err"; }
  return $rc
}
config() { echo "$here/bench/peers/configs/$1.json"; }

nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,power.limit --format=csv,noheader | tee "$out/gpu.txt"
"$bin/corollary" --version 2>&1 | head -1
if wants tests; then
  for test in device_test comm_test kernels_test cudnn_attention_test train_cuda_test; do
    filter='*'
    [ $test = comm_test ] && filter='*Gpu*'
    [ $test = kernels_test ] && filter=${KERNELS_FILTER:-*cuda*:*Gpu*}
    [ $test = cudnn_attention_test ] && filter='CudnnOnGpu.*'
    [ -x "$tests/$test" ] || { echo "$test is not here"; continue; }
    run 60 "$test.txt" "$tests/$test" --gtest_filter="$filter" --gtest_brief=1 || grep -hE '^\[  FAILED|Failure|off by|what\(\)|error' "$out/$test.txt" | head -40
    tail -n 3 "$out/$test.txt"
  done
fi
nvidia-smi --query-gpu=timestamp,clocks.sm,power.draw,temperature.gpu --format=csv,noheader,nounits -lms 250 >"$out/clocks.csv" 2>/dev/null &
monitor=$!
trap 'kill $monitor 2>/dev/null' EXIT
for shape in ${shapes//,/ }; do
  micro=${SEQUENCES:-16}
  if wants speed; then
    for setting in ${SETTINGS:-1:norms:fp32}; do  # sequences a pass : recompute : master weights
      IFS=: read -r batch recompute master <<<"$setting"
      name=speed_${shape}_${batch}_${recompute}_$master.json
      run 100 "$name" "$bin/corollary" train-speed --config "$(config "$shape")" --device cuda --batch "$batch" --seq-len 4096 \
        --micro-batches $((micro / batch)) --steps "${STEPS:-3}" --warmup 1 --recompute "$recompute" --master-weights "$master" --profile
      cut -c1-250 "$out/$name"
    done
  fi
  wants kernels && run 60 "kernels_$shape.json" "$bin/corollary" kernel-speed --config "$(config "$shape")" --device cuda
done
if wants torch; then
  for shape in ${torch_shapes//,/ }; do
    for precision in ${TORCH_PRECISIONS:-bf16-master}; do
      for attention in ${TORCH_ATTENTIONS:-flash}; do
        run 200 "torch_${shape}_${precision}_$attention.json" python3 "$here/bench/peers/torch_train_cuda.py" --config "$(config "$shape")" --batch "${TORCH_BATCH:-1}" \
          --seq-len 4096 --micro-batches "${SEQUENCES:-16}" --steps "${STEPS:-3}" --warmup 1 --precision "$precision" --attention "$attention"
        cat "$out/torch_${shape}_${precision}_$attention.json"
      done
    done
  done
fi
wants table && python3 "$here/tools/gpu_table.py" "$out"
exit $failed
