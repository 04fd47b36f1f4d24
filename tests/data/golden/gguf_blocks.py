"""Random valid blocks of every GGUF type and the values that the gguf package gives them."""
import os

import gguf
import numpy
from gguf import GGMLQuantizationType as Kind
from gguf import quants

from .common import folder, save_golden

# type -> byte offsets of its float16 scales inside a block
SCALES = {Kind.Q4_0: (0,), Kind.Q4_1: (0, 2), Kind.Q5_0: (0,), Kind.Q5_1: (0, 2), Kind.Q8_0: (0,),
          Kind.Q2_K: (80, 82), Kind.Q3_K: (108,), Kind.Q4_K: (0, 2), Kind.Q5_K: (0, 2), Kind.Q6_K: (208,)}
BLOCKS = {32: 24, 256: 6}


def random_blocks(draw, kind):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    count = BLOCKS[elements]
    blocks = draw.integers(0, 256, (count, size), dtype=numpy.uint8)
    scales = (draw.standard_normal((count, 2)) * 0.1).astype(numpy.float16)
    scales[0], scales[1] = 0, numpy.float16(6e-8)  # zero and the smallest subnormal
    for column, offset in enumerate(SCALES[kind]):
        blocks[:, offset:offset + 2] = scales[:, column:column + 1].view(numpy.uint8)
    blocks[2, max(SCALES[kind]) + 2:], blocks[3, max(SCALES[kind]) + 2:] = 0, 255  # every code low, every code high
    return blocks


def make():
    draw = numpy.random.default_rng(51)
    tensors = {}
    for kind in SCALES:
        blocks = random_blocks(draw, kind)
        tensors[f"{kind.name}.blocks"] = blocks
        tensors[f"{kind.name}.values"] = quants.dequantize(blocks, kind).astype(numpy.float32).flatten()
    halves = draw.integers(0, 1 << 16, 512, dtype=numpy.uint16)
    halves[:8] = [0, 0x8000, 1, 0x8001, 0x03ff, 0x0400, 0x7bff, 0xfbff]
    halves = halves[numpy.isfinite(halves.view(numpy.float16))]
    tensors["F16.blocks"] = halves.view(numpy.uint8)
    tensors["F16.values"] = halves.view(numpy.float16).astype(numpy.float32)
    brains = draw.integers(0, 1 << 16, 512, dtype=numpy.uint16)
    brains = brains[(brains & 0x7f80) != 0x7f80]
    tensors["BF16.blocks"] = brains.view(numpy.uint8)
    tensors["BF16.values"] = (brains.astype(numpy.uint32) << 16).view(numpy.float32)
    values = (draw.standard_normal((8, 64)) * draw.choice([0.01, 1, 100], (8, 1))).astype(numpy.float32)
    values[3, :32] = 0
    values[4, :8] = [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5]  # exact halves at scale 1
    values[4, 8:32] = 0
    tensors["quantize.values"] = values
    for kind in (Kind.Q8_0, Kind.BF16, Kind.F16):
        tensors[f"quantize.{kind.name}"] = quants.quantize(values, kind).reshape(8, -1).view(numpy.uint8)
    save_golden(os.path.join(folder("gguf_blocks"), "gguf_blocks.golden.safetensors"), tensors)
    for name, value in tensors.items():
        print(f"  {name} {value.dtype} {value.shape}")
