# Newton's method for a root of a function, to a tolerance.
import numpy as np


def newton(f, slope, start, tolerance=1e-12, steps=50):
    x = float(start)
    for _ in range(steps):
        change = f(x) / slope(x)
        x -= change
        if abs(change) < tolerance:
            return x
    raise ArithmeticError('no root found near %g' % start)


print(newton(np.cos, lambda x: -np.sin(x), 1.0))
