# Eigenvalues of a symmetric matrix of two rows, exactly.
import sympy


def eigenvalues(a, b, c):
    """Roots of the characteristic polynomial of [[a, b], [b, c]]."""
    x = sympy.Symbol('x')
    return sympy.solve((a - x) * (c - x) - b * b, x)


if __name__ == '__main__':
    print(eigenvalues(2, 1, 2))
