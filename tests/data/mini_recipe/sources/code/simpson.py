# Simpson's rule on an even number of intervals.
import numpy as np


def simpson(f, a, b, n=100):
    """Integral of f from a to b; exact for polynomials of degree three."""
    if n % 2:
        raise ValueError('n must be even')
    x = np.linspace(a, b, n + 1)
    y = f(x)
    return (b - a) / (3 * n) * (y[0] + y[-1] + 4 * y[1:-1:2].sum() + 2 * y[2:-1:2].sum())
