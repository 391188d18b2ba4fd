"""Reads and writes safetensors files with numpy and torch alone.

Layout (https://github.com/huggingface/safetensors): u64 little-endian n; n bytes of JSON, name -> {dtype, shape,
data_offsets: [begin, end)}; then the bytes of the tensors, which the offsets count from.
"""
import json
import pathlib

import numpy as np
import torch

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
          "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def read(path):
    """name -> tensor, in the dtypes of the file; each owns its memory."""
    data = np.fromfile(path, dtype=np.uint8)
    header_bytes = int(data[:8].view("<u8")[0])
    header = json.loads(data[8:8 + header_bytes].tobytes())
    header.pop("__metadata__", None)
    body = torch.from_numpy(data)[8 + header_bytes:]

    def tensor(entry):
        begin, end = entry["data_offsets"]
        return body[begin:end].clone().view(DTYPES[entry["dtype"]]).reshape(entry["shape"])

    return {name: tensor(entry) for name, entry in header.items()}


def write(path, tensors):
    """Writes `tensors`, name -> tensor, in their order."""
    header, end = {}, 0
    for name, value in tensors.items():
        begin, end = end, end + value.numel() * value.element_size()
        header[name] = {"dtype": NAMES[value.dtype], "shape": list(value.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            file.write(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


def read_folder(folder):
    """All tensors of a Hugging Face folder, whole or sharded."""
    files = sorted(pathlib.Path(folder).glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no .safetensors file")
    return {name: value for file in files for name, value in read(file).items()}
