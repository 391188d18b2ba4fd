# The sieve of Eratosthenes, and a count beside the logarithmic integral.
import numpy as np
from mpmath import li


def primes(limit):
    is_prime = np.ones(limit + 1, dtype=bool)
    is_prime[:2] = False
    for p in range(2, int(limit ** 0.5) + 1):
        if is_prime[p]:
            is_prime[p * p :: p] = False
    return np.flatnonzero(is_prime)


def excess(limit):
    return float(li(limit)) - len(primes(limit))
