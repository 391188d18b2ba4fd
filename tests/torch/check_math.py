"""Every gradient of docs/math as it stands there, in numpy and double, against central differences of the forward pass.

A check is a forward pass and its gradients as the page gives them. The scalar that is differenced is sum(dy * forward(...))
for a random dy. Prints the largest relative difference of each; exits with 1 if one is above 1e-7.
"""
import sys

import numpy as np

RANDOM = np.random.default_rng(1)
STEP = 1e-5  # central differences of O(1) functions: truncation STEP^2, rounding 1e-16 / STEP
TOLERANCE = 1e-7


def normal(*shape):
    return RANDOM.standard_normal(shape)


def slopes(f, x):
    """df/dx of a scalar f, one element of x at a time, in place."""
    result = np.empty_like(x)
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + STEP
        above = f()
        x[i] = kept - STEP
        below = f()
        x[i] = kept
        result[i] = (above - below) / (2 * STEP)
    return result


def worst(forward, backward, inputs):
    """Largest difference between backward(dy, *inputs) and slopes, relative to the largest slope of that input."""
    dy = normal(*np.shape(forward(*inputs)))
    gradients = backward(dy, *inputs)
    found = [slopes(lambda: np.sum(dy * forward(*inputs)), x) for x in inputs]
    return max(np.max(np.abs(g - s)) / np.max(np.abs(s)) for g, s in zip(gradients, found))


# linear.md
def linear(x, w):
    return x @ w.T


def linear_backward(dy, x, w):
    return dy @ w, dy.T @ x


# rmsnorm.md
EPS = 1e-2  # large, so that a gradient that forgot it shows


def rstd(x):
    return (np.mean(x**2, axis=-1, keepdims=True) + EPS)**-0.5


def rmsnorm(x, w):
    return x * rstd(x) * w


def rmsnorm_backward(dy, x, w):
    g, r = dy * w, rstd(x)
    return r * (g - x * r**2 * np.mean(g * x, axis=-1, keepdims=True)), np.sum(dy * x * r, axis=0)


# rope.md
def turned(x, sign):
    """x [S, heads, D] turned by its position, forwards or back."""
    seq_len, _, size = x.shape
    angle = np.arange(seq_len)[:, None, None] * 10000.0**(-2 * np.arange(size // 2) / size)
    a, b, c, s = x[..., :size // 2], x[..., size // 2:], np.cos(angle), sign * np.sin(angle)
    return np.concatenate([a * c - b * s, b * c + a * s], axis=-1)


def rope(x):
    return turned(x, 1)


def rope_backward(dy, x):
    return (turned(dy, -1),)


# attention.md: q [S, H, D], k and v [S, G, D]
def scores(q, k):
    """c q k^T [H, S, S], minus infinity above the diagonal; and c."""
    c, group = q.shape[2]**-0.5, q.shape[1] // k.shape[1]
    s = c * np.einsum("thd,uhd->htu", q, k.repeat(group, axis=1))
    return np.where(np.tri(len(q), dtype=bool), s, -np.inf), c


def log_sum_exp(x):
    m = x.max(axis=-1, keepdims=True)
    return m + np.log(np.sum(np.exp(x - m), axis=-1, keepdims=True))


def attention(q, k, v):
    s, _ = scores(q, k)
    return np.einsum("htu,uhd->thd", np.exp(s - log_sum_exp(s)), v.repeat(q.shape[1] // k.shape[1], axis=1))


def attention_backward(do, q, k, v):
    group = q.shape[1] // k.shape[1]
    s, c = scores(q, k)
    p = np.exp(s - log_sum_exp(s))
    delta = np.einsum("thd,thd->ht", do, attention(q, k, v))[:, :, None]
    ds = p * (np.einsum("thd,uhd->htu", do, v.repeat(group, axis=1)) - delta)

    def of_group(x):  # the sum over the query heads that share a key and value head
        return x.reshape(x.shape[0], -1, group, x.shape[2]).sum(axis=2)

    return (c * np.einsum("htu,uhd->thd", ds, k.repeat(group, axis=1)),
            of_group(c * np.einsum("htu,thd->uhd", ds, q)), of_group(np.einsum("htu,thd->uhd", p, do)))


# swiglu.md
def sigmoid(g):
    return 1 / (1 + np.exp(-g))


def swiglu(g, u):
    return g * sigmoid(g) * u


def swiglu_backward(dy, g, u):
    s = sigmoid(g)
    return dy * u * s * (1 + g * (1 - s)), dy * g * s


# embedding.md
TOKENS = np.array([2, 0, 2, 4, 2])


def embedding(e):
    return e[TOKENS]


def embedding_backward(dx, e):
    de = np.zeros_like(e)
    for t, token in enumerate(TOKENS):
        de[token] += dx[t]
    return (de,)


# cross_entropy.md: the head in chunks of two rows; one token has no target
TARGETS = np.array([3, -1, 0, 5, 1])


def head_loss(x, w):
    z = x @ w.T
    return np.sum((log_sum_exp(z)[:, 0] - z[range(len(z)), TARGETS])[TARGETS >= 0])


def head_loss_backward(scale, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for begin in range(0, len(x), 2):
        rows, targets = slice(begin, begin + 2), TARGETS[begin:begin + 2, None]
        z = x[rows] @ w.T
        dz = scale * (np.exp(z - log_sum_exp(z)) - (np.arange(len(w)) == targets)) * (targets >= 0)
        dw += dz.T @ x[rows]
        dx[rows] = dz @ w
    return dx, dw


# llama.md: one block, its weights as the page stacks them
H, G, D, C, F = 4, 2, 4, 6, 5


def split(qkv):
    """q, k, v of rows [S, (H + 2G) D]."""
    heads = qkv.reshape(len(qkv), H + 2 * G, D)
    return heads[:, :H], heads[:, H:H + G], heads[:, H + G:]


def block_parts(x, n1, wqkv, wo, n2, wgu):
    """What the backward pass keeps: rotated q, k, v; o; h; gu."""
    q, k, v = split(rmsnorm(x, n1) @ wqkv.T)
    q, k = rope(q), rope(k)
    o = attention(q, k, v).reshape(len(x), H * D)
    h = x + o @ wo.T
    return q, k, v, o, h, rmsnorm(h, n2) @ wgu.T


def block(x, n1, wqkv, wo, n2, wgu, wdown):
    *_, h, gu = block_parts(x, n1, wqkv, wo, n2, wgu)
    return h + swiglu(gu[:, :F], gu[:, F:]) @ wdown.T


def block_backward(dx, x, n1, wqkv, wo, n2, wgu, wdown):
    q, k, v, o, h, gu = block_parts(x, n1, wqkv, wo, n2, wgu)
    dwdown = dx.T @ swiglu(gu[:, :F], gu[:, F:])
    dgu = np.concatenate(swiglu_backward(dx @ wdown, gu[:, :F], gu[:, F:]), axis=1)
    dwgu = dgu.T @ rmsnorm(h, n2)
    from_norm, dn2 = rmsnorm_backward(dgu @ wgu, h, n2)
    dx = dx + from_norm
    dwo = dx.T @ o
    dq, dk, dv = attention_backward((dx @ wo).reshape(len(x), H, D), q, k, v)
    dqkv = np.concatenate([turned(dq, -1), turned(dk, -1), dv], axis=1).reshape(len(x), -1)
    dwqkv = dqkv.T @ rmsnorm(x, n1)
    from_norm, dn1 = rmsnorm_backward(dqkv @ wqkv, x, n1)
    return dx + from_norm, dn1, dwqkv, dwo, dn2, dwgu, dwdown


# adamw.md: the step written with bias-corrected means against the recursion's closed form, sums over all gradients so far
def adamw_difference():
    a, beta1, beta2, eps, decay, steps = 0.1, 0.9, 0.95, 1e-8, 0.1, 7
    w = closed = normal(3)
    m = v = np.zeros(3)
    gradients = normal(steps, 3)
    for k, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - a * (m / (1 - beta1**k) / (np.sqrt(v / (1 - beta2**k)) + eps) + decay * w)
        weights1, weights2 = beta1**np.arange(k - 1, -1, -1.0), beta2**np.arange(k - 1, -1, -1.0)
        mean = weights1 @ gradients[:k] / weights1.sum()
        square = weights2 @ gradients[:k]**2 / weights2.sum()
        closed = (1 - a * decay) * closed - a * mean / (np.sqrt(square) + eps)
    return np.max(np.abs(w - closed))


def main():
    results = {
        "linear": worst(linear, linear_backward, [normal(5, 3), normal(4, 3)]),
        "rmsnorm": worst(rmsnorm, rmsnorm_backward, [normal(3, 7), normal(7)]),
        "rope": worst(rope, rope_backward, [normal(5, 2, 6)]),
        "attention": worst(attention, attention_backward, [normal(6, 4, 4), normal(6, 2, 4), normal(6, 2, 4)]),
        "swiglu": worst(swiglu, swiglu_backward, [3 * normal(4, 5), normal(4, 5)]),
        "embedding": worst(embedding, embedding_backward, [normal(5, 3)]),
        "cross_entropy": worst(head_loss, head_loss_backward, [normal(5, 4), normal(6, 4)]),
        "llama": worst(block, block_backward,
                       [normal(5, C), normal(C), normal((H + 2 * G) * D, C), normal(C, H * D), normal(C), normal(2 * F, C),
                        normal(C, F)]),
        "adamw": adamw_difference(),
    }
    for name, difference in results.items():
        print(f"{name:14} {difference:.1e}{'' if difference <= TOLERANCE else '  ABOVE ' + str(TOLERANCE)}")
    sys.exit(any(not difference <= TOLERANCE for difference in results.values()))


if __name__ == "__main__":
    main()
