#!/usr/bin/env python3
"""Step time of training by many GPUs, from one GPU's rate and the links' bandwidths: the tables of docs/scaling.md."""
from dataclasses import dataclass


@dataclass
class Model:
    name: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    intermediate: int
    vocab: int

    def block(self):
        kv = self.hidden // self.heads * self.kv_heads
        return self.hidden * (2 * self.hidden + 2 * kv + 3 * self.intermediate)

    def parameters(self):
        return 2 * self.vocab * self.hidden + self.layers * (self.block() + 2 * self.hidden) + self.hidden

    def flops_per_token(self, seq_len):
        return 6 * (self.layers * self.block() + self.vocab * self.hidden) + 6 * self.layers * seq_len * self.hidden


@dataclass
class Machine:
    peak: float = 989.4e12  # dense bf16, flops/s
    efficiency: float = 0.60  # of it, one GPU alone: the target of docs/performance.md
    inside: float = 360e9  # bytes/s a GPU sends within a node: NVLink 4, 80 % of 450
    between: float = 40e9  # between nodes: 400 Gb/s a GPU, 80 % of 50
    memory: float = 4.0e12  # bytes/s AdamW moves
    latency: float = 5e-6  # seconds a hop of a ring
    node: int = 8


def step_seconds(model, machine, gpus, tensor, sequences=1024, seq_len=4096, micro=1):
    copies = gpus // tensor
    micro_batches = sequences // (copies * micro)
    tokens = micro * seq_len
    part = model.parameters() / tensor
    compute = tokens * model.flops_per_token(seq_len) / (tensor * machine.peak * machine.efficiency)
    # docs/math/parallel.md: 10 L + 4 exchanges a micro-batch, none hidden behind the products.
    exchanges = 0 if tensor == 1 else (10 * model.layers + 4) * (
        (tensor - 1) / tensor * tokens * model.hidden * 2 / machine.inside + (tensor - 1) * machine.latency)
    link = machine.inside if gpus <= machine.node else machine.between
    hops = (model.layers + 3) * (copies - 1) * machine.latency
    scatter = (copies - 1) / copies * 4 * part / link + hops
    gather = (copies - 1) / copies * 2 * part / link + hops
    update = 30 * part / copies / machine.memory
    backward = (compute + exchanges) * 2 / 3  # of the last micro-batch: what hides the reduce-scatter
    return micro_batches * (compute + exchanges) + max(0, scatter - backward) + max(gather, update)


MODELS = [(Model("7B", 4096, 32, 32, 32, 11008, 32016), 1, 1), (Model("7B, TP 2 as published", 4096, 32, 32, 32, 11008, 32016), 2, 4),
          (Model("34B", 8192, 48, 64, 8, 22016, 32000), 8, 1)]


def main():
    machine = Machine()
    for model, tensor, micro in MODELS:
        print(f"\n{model.name}: tensor_parallel {tensor}, micro_batch_size {micro}\n")
        print("| GPUs | step, s | tokens/s/GPU | MFU | of one node's |\n|---|---|---|---|---|")
        first = None
        for gpus in (8, 16, 32, 64, 128, 256, 512, 1024):
            if 1024 % (gpus // tensor * micro) != 0:
                continue
            seconds = step_seconds(model, machine, gpus, tensor, micro=micro)
            rate = 1024 * 4096 / seconds / gpus
            first = first or rate
            mfu = rate * model.flops_per_token(4096) / machine.peak
            print(f"| {gpus} | {seconds:.2f} | {rate:,.0f} | {100 * mfu:.1f} % | {100 * rate / first:.0f} % |")


if __name__ == "__main__":
    main()
