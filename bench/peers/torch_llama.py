"""Llama in PyTorch, as small as it is plain: RMSNorm, rotary positions by halves, grouped-query attention, SwiGLU.

Parameters carry the names of a Hugging Face checkpoint, so load_state_dict reads one. B sequences, T tokens, C hidden,
H query heads, G key and value heads, D head size, V vocabulary.
"""
import dataclasses
import json
import math
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

import safetensors_file


@dataclasses.dataclass
class LlamaConfig:
    """The fields of config.json that say what the model computes."""
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int = 0  # 0: as many as query heads
    head_dim: int = 0  # 0: hidden_size / num_attention_heads
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    tie_word_embeddings: bool = False

    def __post_init__(self):
        self.num_key_value_heads = self.num_key_value_heads or self.num_attention_heads
        self.head_dim = self.head_dim or self.hidden_size // self.num_attention_heads

    @classmethod
    def read(cls, path):
        fields = json.loads(pathlib.Path(path).read_text())
        return cls(**{f.name: fields[f.name] for f in dataclasses.fields(cls) if fields.get(f.name) is not None})


def rope_tables(seq_len, head_dim, theta, dtype=torch.float32):
    """cos and sin [T, D/2] of t * theta^(-2i/D), the angles in double."""
    frequencies = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angles = torch.arange(seq_len, dtype=torch.float64)[:, None] * frequencies
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rope(x, cos, sin):
    """Turns the pairs (i, i + D/2) of x [B, T, heads, D]."""
    a, b = x.chunk(2, dim=-1)
    cos, sin = cos[:, None, :], sin[:, None, :]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        # The norm sums in f32 without a wide copy of x; rstd is rounded to x's type, or bf16 would widen all that follows.
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32))
        rstd = torch.rsqrt(norm * norm / x.shape[-1] + self.eps)
        return x * rstd.to(x.dtype) * self.weight


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.H, self.G, self.D = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, self.H * self.D, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, self.G * self.D, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, self.G * self.D, bias=False)
        self.o_proj = nn.Linear(self.H * self.D, config.hidden_size, bias=False)

    def forward(self, x, cos, sin):
        B, T, _ = x.shape
        q = rope(self.q_proj(x).view(B, T, self.H, self.D), cos, sin)
        k = rope(self.k_proj(x).view(B, T, self.G, self.D), cos, sin)
        v = self.v_proj(x).view(B, T, self.G, self.D)
        out = causal_attention(q, k, v)
        return self.o_proj(out.reshape(B, T, self.H * self.D))


def causal_attention(q, k, v):
    """softmax(q k^T / sqrt(D) + causal) v; q [B, T, H, D], k and v [B, T, G, D]; head h reads k and v of h // (H/G)."""
    B, T, H, D = q.shape
    G = k.shape[2]
    # The H/G heads that share a key lie below one another, so k and v are never repeated.
    q = q.view(B, T, G, H // G, D).permute(0, 2, 3, 1, 4).reshape(B * G, H // G * T, D)  # [BG, (H/G)T, D]
    k = k.permute(0, 2, 3, 1).reshape(B * G, D, T)
    v = v.permute(0, 2, 1, 3).reshape(B * G, T, D)
    mask = torch.full((T, T), -math.inf, dtype=q.dtype).triu_(1).repeat(H // G, 1)
    p = torch.baddbmm(mask, q, k, alpha=1 / math.sqrt(D)).softmax(dim=-1)
    out = torch.bmm(p, v).view(B, G, H // G, T, D)
    return out.permute(0, 3, 1, 2, 4).reshape(B, T, H, D)


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    def hidden(self, tokens):
        """tokens [B, T] -> what lm_head reads [B, T, C]."""
        x = self.model.embed_tokens(tokens)
        cos, sin = rope_tables(tokens.shape[1], self.config.head_dim, self.config.rope_theta, x.dtype)
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        return self.model.norm(x)

    def forward(self, tokens):
        """tokens [B, T] -> logits [B, T, V]."""
        return self.lm_head(self.hidden(tokens))


def initialize(model, seed):
    """Normal of deviation 0.02 for every matrix; norms stay one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(0.0, 0.02, generator=generator)


def load(folder, dtype=torch.float32):
    """The model of a Hugging Face folder."""
    model = Llama(LlamaConfig.read(pathlib.Path(folder) / "config.json"))
    weights = {name: value for name, value in safetensors_file.read_folder(folder).items()
               if not name.endswith("rotary_emb.inv_freq")}
    if model.config.tie_word_embeddings:
        weights.setdefault("lm_head.weight", weights["model.embed_tokens.weight"])
    model.load_state_dict(weights)
    return model.to(dtype)
