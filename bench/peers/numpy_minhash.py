"""datatrove's MinHash signatures written from their definition alone, with numpy, xxhash and Python's own Unicode tables: 64 bits,
affine permutations modulo 2^61 - 1 drawn by RandomState(seed). Words are what lies between white space (datatrove asks spaCy).

python3 numpy_minhash.py FILE ROWS NGRAM SEED --rows     a line of hexadecimal rows for each line (a JSON string) of FILE: a test's oracle
python3 numpy_minhash.py FILE ROWS NGRAM SEED            {"bytes", "seconds" of CPU time, "versions"}: the peer of corpus.minhash
"""
import json
import re
import sys
import time
import unicodedata

import numpy
import xxhash

PUNCTUATION = (
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
    + "".join(map(chr, [*range(0, 9), *range(11, 13), *range(13, 32), *range(127, 160)]))
)
DELETE = {ord(c): None for c in PUNCTUATION}
PRIME = numpy.uint64((1 << 61) - 1)


def words_of(text):
    text = re.sub(r"\s+", " ", text.lower().strip())
    text = text.translate(DELETE)
    text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return re.sub(r"\d+", "0", text).split()


def signature(text, n, a, b):
    words = words_of(text)
    grams = [xxhash.xxh64_intdigest(" ".join(words[i : i + n])) for i in range(len(words) - n + 1)]
    if not grams:
        return []
    x = numpy.array(grams, dtype=numpy.uint64).reshape(-1, 1)
    return ((x * a + b) % PRIME).min(axis=0)


def main():
    path, (rows, n, seed) = sys.argv[1], map(int, sys.argv[2:5])
    state = numpy.random.RandomState(seed)
    a = state.randint(1, PRIME, dtype=numpy.uint64, size=(1, rows))
    b = state.randint(0, PRIME, dtype=numpy.uint64, size=(1, rows))
    with open(path, encoding="utf-8") as lines:
        texts = [json.loads(line) for line in lines]
    if sys.argv[5:] == ["--rows"]:
        for text in texts:
            print(" ".join("%x" % row for row in signature(text, n, a, b)))
        return
    start = time.process_time()
    for text in texts:
        signature(text, n, a, b)
    seconds = time.process_time() - start
    versions = "numpy %s, xxhash %s" % (numpy.__version__, xxhash.VERSION)
    print(json.dumps({"bytes": sum(len(text.encode()) for text in texts), "seconds": seconds, "versions": versions}))


main()
