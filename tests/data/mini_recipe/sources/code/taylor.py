# Taylor polynomials and the error they leave.
from sympy import Symbol, diff, factorial


def taylor(f, x, at, degree):
    total = 0
    for k in range(degree + 1):
        total += diff(f, x, k).subs(x, at) * (x - at) ** k / factorial(k)
    return total


def remainder(f, x, at, degree, point):
    return f.subs(x, point) - taylor(f, x, at, degree).subs(x, point)
