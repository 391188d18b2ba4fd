"""Trains a Llama on one GPU as fast as PyTorch lets us: the peer of `corollary bench`'s rows train.cuda.*.

Prints one JSON line: tokens_per_second (of the median step), losses (one a step), peak_bytes, precision, torch_version, compile. A step is
`micro_batches` forward and backward passes of `batch` random sequences, then clipping at 1.0 and AdamW (betas 0.9 and 0.95, decay 0.1).

bf16-master    bf16 weights, activations and gradients (accumulated in bf16), fp32 master weights and moments
bf16-autocast  fp32 weights, gradients and moments, products in bf16 by autocast

Attention is F.scaled_dot_product_attention (flash or cuDNN, whichever is faster here), the optimizer is fused, blocks and loss are compiled.
"""
import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

import torch_llama


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="config.json of the model")
    parser.add_argument("--batch", type=int, default=1, help="sequences a pass")
    parser.add_argument("--micro-batches", type=int, default=4, help="passes a step")
    parser.add_argument("--seq-len", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=3, help="timed steps")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--precision", choices=["bf16-master", "bf16-autocast"], default="bf16-master")
    parser.add_argument("--attention", choices=["flash", "cudnn"], default="flash")
    parser.add_argument("--eager", action="store_true", help="do not compile")
    parser.add_argument("--recompute", action="store_true", help="blocks again in the backward pass, for memory")
    return parser.parse_args()


class Attention(torch_llama.Attention):
    """The same with one fused projection and the library's attention."""

    def forward(self, x, cos, sin):
        B, T, _ = x.shape
        q = torch_llama.rope(self.q_proj(x).view(B, T, self.H, self.D), cos, sin).transpose(1, 2)
        k = torch_llama.rope(self.k_proj(x).view(B, T, self.G, self.D), cos, sin).transpose(1, 2)
        v = self.v_proj(x).view(B, T, self.G, self.D).transpose(1, 2)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.G != self.H)
        return self.o_proj(out.transpose(1, 2).reshape(B, T, self.H * self.D))


class RMSNorm(nn.RMSNorm):
    def __init__(self, size, eps):
        super().__init__(size, eps=eps)


class Trainer(nn.Module):
    """Blocks compiled one by one: the same graph serves all of them."""

    def __init__(self, config, args):
        super().__init__()
        self.llama = torch_llama.Llama(config)
        self.args = args
        compiled = (lambda f: f) if args.eager else (lambda f: torch.compile(f, mode=None, dynamic=False))
        self.blocks = [compiled(block) for block in self.llama.model.layers]
        self.head = compiled(self.loss_of_hidden)

    def loss_of_hidden(self, x, targets):
        logits = self.llama.lm_head(self.llama.model.norm(x))
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    def forward(self, tokens, targets, cos, sin):
        x = self.llama.model.embed_tokens(tokens)
        for block in self.blocks:
            if self.args.recompute:
                x = torch.utils.checkpoint.checkpoint(block, x, cos, sin, use_reentrant=False)
            else:
                x = block(x, cos, sin)
        return self.head(x, targets)


def main():
    args = parse_arguments()
    if not torch.cuda.is_available():
        sys.exit("no GPU for PyTorch")
    torch.backends.cuda.enable_flash_sdp(args.attention == "flash")
    torch.backends.cuda.enable_cudnn_sdp(args.attention == "cudnn")
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_math_sdp(False)
    torch_llama.Attention, torch_llama.RMSNorm = Attention, RMSNorm
    config = torch_llama.LlamaConfig.read(args.config)
    autocasts = args.precision == "bf16-autocast"
    with torch.device("cuda"):
        torch.set_default_dtype(torch.float32 if autocasts else torch.bfloat16)
        trainer = Trainer(config, args)
        torch.set_default_dtype(torch.float32)
    weights = list(trainer.parameters())
    with torch.no_grad():
        for weight in weights:
            if weight.dim() == 2:
                weight.normal_(0, 0.02)
    masters = weights if autocasts else [weight.detach().float() for weight in weights]
    decayed = [m for m in masters if m.dim() == 2]
    others = [m for m in masters if m.dim() != 2]
    for master in masters:
        master.requires_grad_(autocasts)
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=1e-4,
                                  betas=(0.9, 0.95), eps=1e-8, fused=True)
    cos, sin = (t.cuda() for t in torch_llama.rope_tables(args.seq_len, config.head_dim, config.rope_theta,
                                                          torch.float32 if autocasts else torch.bfloat16))

    def step():
        total = torch.zeros((), device="cuda")
        for _ in range(args.micro_batches):
            tokens, targets = torch.randint(config.vocab_size, (2, args.batch, args.seq_len), device="cuda")
            with torch.autocast("cuda", torch.bfloat16, enabled=autocasts):
                loss = trainer(tokens, targets, cos, sin) / args.micro_batches
            loss.backward()
            total += loss.detach()
        if autocasts:
            torch.nn.utils.clip_grad_norm_(masters, 1.0, foreach=True)
            optimizer.step()
        else:  # a parameter at a time: fp32 gradients of all of them would not fit
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm([w.grad for w in weights], 2, dtype=torch.float32)))
            scale = torch.clamp(1.0 / (norm + 1e-6), max=1.0)
            torch._foreach_mul_([w.grad for w in weights], scale.to(torch.bfloat16))
            for master, weight in zip(masters, weights):
                master.grad = weight.grad.float()
                if master.numel() > 1 << 24:
                    step_of([master])
                    master.grad = None
            step_of([m for m in masters if m.grad is not None])
            for master in masters:
                master.grad = None
            with torch.no_grad():
                torch._foreach_copy_(weights, masters)
        optimizer.zero_grad(set_to_none=True)
        for weight in weights:
            weight.grad = None
        return total.item()

    def step_of(_):
        optimizer.step()  # the fused optimizer leaves parameters without a gradient alone

    losses, seconds = [], []
    for _ in range(args.warmup + args.steps):
        torch.cuda.synchronize()
        start = time.perf_counter()
        losses.append(step())
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    tokens_per_step = args.batch * args.seq_len * args.micro_batches
    print(json.dumps({
        "tokens_per_second": tokens_per_step / statistics.median(seconds[args.warmup:]),
        "losses": losses,
        "peak_bytes": torch.cuda.max_memory_allocated(),
        "precision": args.precision,
        "attention": args.attention,
        "compile": not args.eager,
        "torch_version": torch.__version__,
        "peak_rss_bytes": 0,
    }))


if __name__ == "__main__":
    main()
