"""Prints what tools/gpu_check.sh measured as one table: python3 tools/gpu_table.py FOLDER"""
import glob
import json
import os
import sys


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file if line.startswith("{")]


def main():
    folder = sys.argv[1]
    ours, peers = {}, {}
    for path in sorted(glob.glob(os.path.join(folder, "kernels_*.json"))):
        shape = os.path.basename(path)[len("kernels_"):-len(".json")]
        rows = lines(path)
        total = sum(row["ms_a_micro_step"] for row in rows if "once a step" not in row["kernel"])
        print(f"\n{shape}: kernels of one micro-step, alone: {total:.1f} ms")
        print(f"{'kernel':<40}{'ms':>9}{'times':>7}{'ms/step':>9}{'share':>7}{'TFLOP/s':>9}{'GB/s':>7}")
        for row in sorted(rows, key=lambda row: -row["ms_a_micro_step"]):
            rate, bandwidth = row.get("tflops_per_second"), row.get("gb_per_second")
            print(f"{row['kernel']:<40}{row['ms']:>9.3f}{row['times']:>7.1f}{row['ms_a_micro_step']:>9.2f}"
                  f"{row['ms_a_micro_step'] / total:>7.1%}{rate and f'{rate:.0f}' or '':>9}{bandwidth and f'{bandwidth:.0f}' or '':>7}")
    for path in sorted(glob.glob(os.path.join(folder, "speed_*.json"))):
        for row in lines(path):
            ours[os.path.basename(path)[len("speed_"):-len(".json")]] = row
    for path in sorted(glob.glob(os.path.join(folder, "torch_*.json"))):
        for row in lines(path):
            peers[os.path.basename(path)[len("torch_"):-len(".json")]] = row
    print(f"\n{'shape':<22}{'tokens/s':>10}{'MFU':>8}{'planned GB':>12}{'used GB':>9}{'loss':>16}")
    for shape, row in ours.items():
        print(f"{shape:<22}{row['tokens_per_second']:>10.0f}{row['mfu']:>8.1%}{row['planned_bytes'] / 1e9:>12.2f}{row['used_bytes'] / 1e9:>9.2f}"
              f"{row['losses'][0]:>8.3f}{row['losses'][-1]:>8.3f}")
    for name, row in peers.items():
        shape = next((shape for shape in ours if name.startswith(shape)), None)
        ratio = f"ours {ours[shape]['tokens_per_second'] / row['tokens_per_second']:.2f}x" if shape else ""
        print(f"PyTorch {row['torch_version']} {name:<36}{row['tokens_per_second']:>10.0f}  peak {row['peak_bytes'] / 1e9:.1f} GB  {ratio}")


if __name__ == "__main__":
    main()
