#!/usr/bin/env python3
"""Which tokens NeoX trains on, in which order: written from the description of its files and rules alone, to judge src/train/blend.cpp.

    neox_order.py SEED SEQ_LEN TOTAL WEIGHT=PREFIX...

prints, for each of TOTAL samples, "set sample-of-the-set : seq_len + 1 tokens". Needs numpy, whose generator the rules are stated in.
"""
import struct
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)


def read_set(prefix):
    """All documents of PREFIX.bin and PREFIX.idx, as arrays of ids."""
    with open(prefix + ".idx", "rb") as file:
        index = file.read()
    assert index[:9] == b"MMIDIDX\x00\x00", prefix
    version, code, sequences, boundaries = struct.unpack("<QBQQ", index[9:34])
    assert version == 1, prefix
    types = {1: np.uint8, 2: np.int8, 3: np.int16, 4: np.int32, 5: np.int64, 8: np.uint16}
    lengths = np.frombuffer(index, "<i4", sequences, 34)
    offsets = np.frombuffer(index, "<i8", sequences, 34 + 4 * sequences)
    assert len(index) == 34 + 12 * sequences + 8 * boundaries, prefix
    with open(prefix + ".bin", "rb") as file:
        data = file.read()
    return [np.frombuffer(data, types[code], n, o).astype(np.int64) for n, o in zip(lengths, offsets)]


def samples_of(documents, seq_len, needed, seed):
    """The set's samples in the order they are given out: epochs mixed, neighbours sharing a token, then all of them shuffled."""
    tokens_per_epoch = sum(len(document) for document in documents)
    epochs = 1
    while (epochs * tokens_per_epoch - 1) // seq_len < needed:
        epochs += 1
    random = np.random.RandomState(seed)
    order = np.tile(np.arange(len(documents), dtype=np.int64), epochs)
    random.shuffle(order)
    samples, document, offset = [], 0, 0
    for _ in range((epochs * tokens_per_epoch - 1) // seq_len):
        pieces, missing = [], seq_len + 1
        while True:
            rest = documents[order[document]][offset:]
            if len(rest) >= missing:
                pieces.append(rest[:missing])
                offset += missing - 1  # the last token is also the next sample's first
                break
            pieces.append(rest)
            missing -= len(rest)
            document, offset = document + 1, 0
        samples.append(np.concatenate(pieces))
    shuffled = np.arange(len(samples), dtype=np.int64)
    random.shuffle(shuffled)
    return [samples[i] for i in shuffled]


def blend(weights, total):
    """Of each position: the set that lags its share most, and how many samples that set gave before."""
    used = [0] * len(weights)
    for i in range(total):
        lag = [weight * max(i, 1) - count for weight, count in zip(weights, used)]
        chosen = lag.index(max(lag))
        yield chosen, used[chosen]
        used[chosen] += 1


def main(arguments):
    seed, seq_len, total = (int(argument) for argument in arguments[:3])
    pairs = [argument.split("=", 1) for argument in arguments[3:]]
    weights = [float(weight) for weight, _ in pairs]
    weights = [weight / sum(weights) for weight in weights]
    places = list(blend(weights, total))
    sets = []
    for number, (weight, (_, prefix)) in enumerate(zip(weights, pairs)):
        used = sum(chosen == number for chosen, _ in places)
        needed = int(np.ceil(total * weight * 1.005))
        sets.append(samples_of(read_set(prefix), seq_len, max(needed, used, 1), seed))
    for chosen, sample in places:
        print(chosen, sample, ":", *sets[chosen][sample])


if __name__ == "__main__":
    main(sys.argv[1:])
