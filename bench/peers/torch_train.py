"""Trains a Llama on the CPU as fast as PyTorch 1.13 lets us: the peer of `corollary bench`'s training rows.

Prints one JSON line: tokens_per_second (of the median step), best_tokens_per_second, peak_rss_bytes, losses (one a step,
warm-up included), precision, threads, torch_version. A step draws batch * (seq_len + 1) tokens in the order of the data,
or random ones. AdamW with betas 0.9 and 0.95, eps 1e-8, decay 0.1 except norms, clip 1.0, constant learning rate.

What was tried and stayed or went is in README.md, with its figures.
"""
import argparse
import json
import os
import resource
import statistics
import sys
import time

# Without these every step maps its activations anew from the kernel (200,000 page faults a step at 4096 tokens), Debian's
# PyTorch runs its AVX2 loops on a machine with AVX-512, and an OpenMP thread that waits for work keeps the core which OpenBLAS's
# own thread needs.
ENVIRONMENT = {
    "ATEN_CPU_CAPABILITY": "avx512",
    "GOMP_SPINCOUNT": "20000",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(256 << 20),
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="config.json of the model")
    parser.add_argument("--batch", type=int, default=8, help="sequences a step")
    parser.add_argument("--seq-len", type=int, default=512)
    parser.add_argument("--steps", type=int, default=10, help="timed steps")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the clock starts")
    parser.add_argument("--precision", choices=["fp32", "bf16", "bf16-autocast"], default="fp32",
                        help="bf16: bf16 weights and activations, fp32 master weights, moments and loss")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--loss-chunk", type=int, default=0,
                        help="rows of logits alive at a time, their gradient taken in the forward pass; 0: all logits")
    parser.add_argument("--data", help="tokens, u16 little endian; without it random ones")
    parser.add_argument("--seed", type=int, default=1, help="of the weights and of random tokens")
    parser.add_argument("--plain-environment", action="store_true", help="leave malloc and the choice of AVX-512 alone")
    return parser.parse_args()


def batches(args, vocab_size):
    """Yields inputs and targets, each [batch, seq_len] i64, for ever."""
    import numpy as np
    import torch
    length = args.seq_len + 1
    if args.data:
        data = np.memmap(args.data, dtype="<u2", mode="r")
        samples = (len(data) - 1) // args.seq_len
        if samples < args.batch:
            sys.exit(f"{args.data} holds {len(data)} tokens; {args.batch} samples of {length} are needed")
    generator = torch.Generator().manual_seed(args.seed)
    sample = 0
    while True:
        if args.data:
            starts = [(sample + b) % samples * args.seq_len for b in range(args.batch)]
            rows = torch.from_numpy(np.stack([data[s:s + length].astype(np.int64) for s in starts]))
            sample += args.batch
        else:
            rows = torch.randint(0, vocab_size, (args.batch, length), generator=generator)
        yield rows[:, :-1], rows[:, 1:]


def chunked_loss(rows):
    """Mean cross entropy of hidden @ weight^T, `rows` logits rows at a time; both gradients are ready when it returns."""
    import torch

    class ChunkedLoss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, hidden, weight, targets):
            total = 0.0
            d_hidden = torch.empty_like(hidden)
            d_weight = torch.zeros_like(weight, dtype=torch.float32)
            for begin in range(0, len(hidden), rows):
                h, target = hidden[begin:begin + rows], targets[begin:begin + rows, None]
                logits = (h @ weight.t()).float()
                log_sum_exp = logits.logsumexp(-1, keepdim=True)
                total += (log_sum_exp - logits.gather(1, target)).sum().item()
                d_logits = logits.sub_(log_sum_exp).exp_()
                d_logits.scatter_add_(1, target, torch.full(target.shape, -1.0))
                d_logits = d_logits.mul_(1 / len(hidden)).to(hidden.dtype)
                torch.mm(d_logits, weight, out=d_hidden[begin:begin + rows])
                d_weight += d_logits.t() @ h
            ctx.save_for_backward(d_hidden, d_weight.to(weight.dtype))
            return torch.tensor(total / len(hidden))

        @staticmethod
        def backward(ctx, d_loss):
            d_hidden, d_weight = ctx.saved_tensors
            return d_hidden * d_loss.to(d_hidden.dtype), d_weight * d_loss.to(d_weight.dtype), None

    return ChunkedLoss.apply


def main():
    args = parse_arguments()
    if not args.plain_environment and any(os.environ.get(k) != v for k, v in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ENVIRONMENT})

    import torch
    import torch.nn.functional as F

    import torch_llama

    torch.set_num_threads(args.threads)
    config = torch_llama.LlamaConfig.read(args.config)
    model = torch_llama.Llama(config)
    torch_llama.initialize(model, args.seed)

    weights = list(model.parameters())
    masters = weights
    if args.precision == "bf16":
        masters = [w.detach().clone() for w in weights]
        model.bfloat16()
    optimizer = torch.optim.AdamW(
        [{"params": [w for w in masters if w.dim() == 2], "weight_decay": 0.1},
         {"params": [w for w in masters if w.dim() == 1], "weight_decay": 0.0}],
        lr=args.learning_rate, betas=(0.9, 0.95), eps=1e-8, foreach=True)
    loss_of_chunks = chunked_loss(args.loss_chunk)

    def loss_of(tokens, targets):
        with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16-autocast"):
            if args.loss_chunk:
                return loss_of_chunks(model.hidden(tokens).flatten(0, 1), model.lm_head.weight, targets.flatten())
            logits = model(tokens)
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    def step(tokens, targets):
        loss = loss_of(tokens, targets)
        model.zero_grad(set_to_none=True)
        loss.backward()
        if masters is not weights:
            for master, weight in zip(masters, weights):
                master.grad = weight.grad.float()
        torch.nn.utils.clip_grad_norm_(masters, 1.0)
        optimizer.step()
        if masters is not weights:
            with torch.no_grad():
                for master, weight in zip(masters, weights):
                    weight.copy_(master)
        return loss.item()

    losses, seconds = [], []
    data = batches(args, config.vocab_size)
    for _ in range(args.warmup + args.steps):
        tokens, targets = next(data)
        start = time.perf_counter()
        losses.append(step(tokens, targets))
        seconds.append(time.perf_counter() - start)
    timed = seconds[args.warmup:]
    tokens_per_step = args.batch * args.seq_len
    print(json.dumps({
        "tokens_per_second": tokens_per_step / statistics.median(timed),
        "best_tokens_per_second": tokens_per_step / min(timed),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "losses": losses,
        "precision": args.precision,
        "threads": args.threads,
        "torch_version": torch.__version__,
    }))


if __name__ == "__main__":
    main()
