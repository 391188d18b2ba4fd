"""Prints what tools/gpu_check.sh measured as tables: python3 tools/gpu_table.py FOLDER"""
import glob
import json
import os
import statistics
import sys


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file if line.startswith("{")]


def name_of(path, prefix):
    return os.path.basename(path)[len(prefix):-len(".json")]


def print_kernels_alone(shape, rows):
    total = sum(row["ms_a_micro_step"] for row in rows if "once a step" not in row["kernel"])
    print(f"\n{shape}: kernels of one micro-step, alone: {total:.1f} ms")
    print(f"{'kernel':<40}{'ms':>9}{'times':>7}{'ms/step':>9}{'share':>7}{'TFLOP/s':>9}{'GB/s':>7}")
    for row in sorted(rows, key=lambda row: -row["ms_a_micro_step"]):
        rate, bandwidth = row.get("tflops_per_second"), row.get("gb_per_second")
        print(f"{row['kernel']:<40}{row['ms']:>9.3f}{row['times']:>7.1f}{row['ms_a_micro_step']:>9.2f}"
              f"{row['ms_a_micro_step'] / total:>7.1%}{rate and f'{rate:.0f}' or '':>9}{bandwidth and f'{bandwidth:.0f}' or '':>7}")


def print_step(name, row):
    """Kernels as they ran inside a step; products with their rate, from the sizes in their names."""
    micro = row["micro_batches"]
    total = sum(kernel["seconds"] for kernel in row["kernels"])
    print(f"\n{name}: inside a step of {micro} micro-steps, {total / micro * 1e3:.1f} ms a micro-step in kernels")
    print(f"{'kernel':<44}{'ms':>8}{'times':>7}{'ms/micro':>9}{'share':>7}{'TFLOP/s':>9}")
    for kernel in sorted(row["kernels"], key=lambda kernel: -kernel["seconds"]):
        each = kernel["seconds"] / kernel["times"]
        rate = ""
        sizes = kernel["kernel"].split(" ")[1:]
        if sizes:
            m, n, k = (int(size) for size in sizes[0].split("x"))
            rate = f"{2 * m * n * k / each * 1e-12:.0f}"
        print(f"{kernel['kernel']:<44}{each * 1e3:>8.3f}{kernel['times'] / micro:>7.1f}{kernel['seconds'] / micro * 1e3:>9.2f}"
              f"{kernel['seconds'] / total:>7.1%}{rate:>9}")


def main():
    folder = sys.argv[1]
    ours, peers = {}, {}
    for path in sorted(glob.glob(os.path.join(folder, "kernels_*.json"))):
        print_kernels_alone(name_of(path, "kernels_"), lines(path))
    for path in sorted(glob.glob(os.path.join(folder, "speed_*.json"))):
        for row in lines(path):
            ours[name_of(path, "speed_")] = row
            if row.get("kernels"):
                print_step(name_of(path, "speed_"), row)
    for path in sorted(glob.glob(os.path.join(folder, "torch_*.json"))):
        for row in lines(path):
            peers[name_of(path, "torch_")] = row
    clocks = os.path.join(folder, "clocks.csv")
    if os.path.exists(clocks):
        busy = [row for row in (line.split(", ") for line in open(clocks)) if len(row) == 4 and float(row[2]) > 500]
        if busy:
            print(f"\nwhile the GPU drew over 500 W: SM clock {statistics.median(float(row[1]) for row in busy):.0f} MHz, "
                  f"{statistics.median(float(row[2]) for row in busy):.0f} W (medians of {len(busy)} readings)")
    print(f"\n{'shape':<28}{'tokens/s':>10}{'MFU':>8}{'planned GB':>12}{'used GB':>9}{'loss':>16}")
    for shape, row in ours.items():
        print(f"{shape:<28}{row['tokens_per_second']:>10.0f}{row['mfu']:>8.1%}{row['planned_bytes'] / 1e9:>12.2f}{row['used_bytes'] / 1e9:>9.2f}"
              f"{row['losses'][0]:>8.3f}{row['losses'][-1]:>8.3f}")
    for name, row in peers.items():
        best = max((one["tokens_per_second"] for shape, one in ours.items() if name.startswith(shape.rsplit("_", 3)[0])), default=0)
        ratio = f"ours {best / row['tokens_per_second']:.2f}x" if best else ""
        print(f"PyTorch {row['torch_version']} {name:<36}{row['tokens_per_second']:>10.0f}  peak {row['peak_bytes'] / 1e9:.1f} GB  "
              f"loss {row['losses'][0]:.3f} {row['losses'][-1]:.3f}  {ratio}")


if __name__ == "__main__":
    main()
