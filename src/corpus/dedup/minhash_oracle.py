"""datatrove's MinHash signature of each line of JSON strings on stdin, as hexadecimal rows, written from its definition alone:
numpy, xxhash and Python's own Unicode tables. Words are what lies between white space. `python3 minhash_oracle.py ROWS NGRAM SEED`"""
import json
import re
import sys
import unicodedata

import numpy
import xxhash

PUNCTUATION = (
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
    + "".join(map(chr, [*range(0, 9), *range(11, 13), *range(13, 32), *range(127, 160)]))
)


def words_of(text):
    text = re.sub(r"\s+", " ", text.lower().strip())
    text = text.translate({ord(c): None for c in PUNCTUATION})
    text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return re.sub(r"\d+", "0", text).split()


def main():
    rows, n, seed = map(int, sys.argv[1:])
    prime = numpy.uint64((1 << 61) - 1)
    state = numpy.random.RandomState(seed)
    a = state.randint(1, prime, dtype=numpy.uint64, size=(1, rows))
    b = state.randint(0, prime, dtype=numpy.uint64, size=(1, rows))
    for line in sys.stdin:
        words = words_of(json.loads(line))
        grams = [xxhash.xxh64_intdigest(" ".join(words[i : i + n])) for i in range(len(words) - n + 1)]
        if not grams:
            print("")
            continue
        x = numpy.array(grams, dtype=numpy.uint64).reshape(-1, 1)
        print(" ".join("%x" % v for v in ((x * a + b) % prime).min(axis=0)))


main()
