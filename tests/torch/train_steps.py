"""Judge of our trainer: the same steps by PyTorch's autograd and its AdamW.

    train_steps.py --model DIR --tokens TOKENS.bin --run RUN.json --out OUT [--double]
    train_steps.py --model DIR --logits 5,17,3

DIR is a Hugging Face folder, TOKENS.bin u16 token ids without a header. RUN.json has the keys of a training configuration:
seq_len micro_batch_size learning_rate min_lr_ratio warmup_iters lr_decay_iters beta1 beta2 eps weight_decay clip_grad, and
`offsets`: per step a list of where its samples start in TOKENS.bin, a multiple of micro_batch_size of them; each sample is
seq_len + 1 tokens. Prints one JSON line {"losses", "grad_norms", "learning_rates"}, a number a step (the norm before
clipping), and writes OUT/gradients.safetensors (the first step's, before clipping) and OUT/model.safetensors (the last
weights), named as in DIR.

The second form prints {"logits": [T][V]} of one sequence. --double computes in f64, so that all rounding is the other side's.
"""
import argparse
import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "peers"))
import safetensors_file  # noqa: E402
import torch_llama  # noqa: E402


def learning_rate(run, step):
    """Linear warm-up, then half a cosine to min_lr_ratio of the peak; the first step is 1."""
    peak, floor, warmup, end = (run[k] for k in ("learning_rate", "min_lr_ratio", "warmup_iters", "lr_decay_iters"))
    if step <= warmup:
        return peak * step / warmup
    if step >= end:
        return peak * floor
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (end - warmup))))


def samples(tokens, offsets, seq_len):
    """Inputs and targets, each [len(offsets), seq_len]."""
    for offset in offsets:
        if not 0 <= offset <= len(tokens) - seq_len - 1:
            sys.exit(f"offset {offset} with seq_len {seq_len} is outside {len(tokens)} tokens")
    rows = torch.from_numpy(np.stack([tokens[o:o + seq_len + 1].astype(np.int64) for o in offsets]))
    return rows[:, :-1], rows[:, 1:]


def train(model, tokens, run, out):
    parameters = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(
        [{"params": [p for p in parameters.values() if p.dim() == 2], "weight_decay": run["weight_decay"]},
         {"params": [p for p in parameters.values() if p.dim() == 1], "weight_decay": 0.0}],
        betas=(run["beta1"], run["beta2"]), eps=run["eps"])
    result = {"losses": [], "grad_norms": [], "learning_rates": []}
    micro = run["micro_batch_size"]
    for step, offsets in enumerate(run["offsets"], start=1):
        if len(offsets) % micro:
            sys.exit(f"step {step} has {len(offsets)} samples, no multiple of micro_batch_size {micro}")
        accumulation = len(offsets) // micro
        optimizer.zero_grad(set_to_none=True)
        step_loss = 0.0
        for begin in range(0, len(offsets), micro):
            inputs, targets = samples(tokens, offsets[begin:begin + micro], run["seq_len"])
            loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()) / accumulation
            loss.backward()
            step_loss += loss.item()
        if step == 1:
            safetensors_file.write(out / "gradients.safetensors", {name: p.grad for name, p in parameters.items()})

        norm = torch.stack([p.grad.double().norm() for p in parameters.values()]).norm().item()
        if run["clip_grad"] > 0 and norm > run["clip_grad"]:
            for p in parameters.values():
                p.grad *= run["clip_grad"] / norm
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(run, step)
        optimizer.step()
        result["losses"].append(step_loss)
        result["grad_norms"].append(norm)
        result["learning_rates"].append(optimizer.param_groups[0]["lr"])
    safetensors_file.write(out / "model.safetensors", parameters)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens")
    parser.add_argument("--run")
    parser.add_argument("--out")
    parser.add_argument("--logits", metavar="IDS")
    parser.add_argument("--double", action="store_true")
    args = parser.parse_args()
    training = (args.tokens, args.run, args.out)
    if args.logits is None and None in training or args.logits is not None and any(training):
        parser.error("give --tokens, --run and --out, or --logits alone")

    torch.set_num_threads(1)  # the models judged are small, and sums keep one order
    model = torch_llama.load(args.model, torch.float64 if args.double else torch.float32)
    if args.logits is not None:
        with torch.no_grad():
            logits = model(torch.tensor([[int(i) for i in args.logits.split(",")]]))[0]
        print(json.dumps({"logits": logits.tolist()}))
        return
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    run = json.loads(pathlib.Path(args.run).read_text())
    print(json.dumps(train(model, np.fromfile(args.tokens, dtype="<u2"), run, out)))


if __name__ == "__main__":
    main()
