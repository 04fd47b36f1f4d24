"""Small files with every element and value type, made with the libraries in ../../data/requirements.txt.

Usage: python make_data.py (in this folder)
"""
import gguf
import numpy
import torch
from safetensors.torch import save_file


def safetensors_types():
    names = ["uint8", "int8", "int16", "uint16", "float16", "bfloat16", "int32", "uint32", "float32", "float64", "int64",
             "uint64", "complex64", "bool", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
             "float8_e8m0fnu", "float4_e2m1fn_x2"]
    bits = torch.arange(16, dtype=torch.uint8)
    tensors = {name: (bits % 2 if name == "bool" else bits).view(getattr(torch, name)).clone() for name in names}
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 3)
    tensors["rank4"] = torch.arange(24, dtype=torch.float32).reshape(2, 3, 1, 4)
    tensors["name \u00e9 \"quoted\""] = torch.tensor([1, 2], dtype=torch.int32)
    save_file(tensors, "all_types.safetensors", metadata={"format": "pt"})


def gguf_values():
    writer = gguf.GGUFWriter("all_values.gguf", "test")
    writer.add_uint8("u8", 200)
    writer.add_int8("i8", -100)
    writer.add_uint16("u16", 60000)
    writer.add_int16("i16", -30000)
    writer.add_uint32("u32", 4000000000)
    writer.add_int32("i32", -2000000000)
    writer.add_uint64("u64", 2**64 - 1)
    writer.add_int64("i64", -(2**63))
    writer.add_float32("f32", 1.1)
    writer.add_float64("f64", 1e300)
    writer.add_bool("yes", True)
    writer.add_bool("no", False)
    writer.add_string("text", "h\u00e9llo\n")
    writer.add_array("strings", ["", "a", "\u4f60\u597d"])
    writer.add_array("floats", [0.5, -1.25])
    writer.add_array("ints", [1, -2, 3])
    writer.add_array("booleans", [True, False])
    draw = numpy.random.default_rng(7)
    matrix = draw.standard_normal((3, 64)).astype(numpy.float32)
    writer.add_tensor("matrix.f32", matrix)
    writer.add_tensor("matrix.f16", matrix.astype(numpy.float16))
    writer.add_tensor("vector.f32", matrix[0, :5].copy())
    for kind in (gguf.GGMLQuantizationType.BF16, gguf.GGMLQuantizationType.Q8_0):
        writer.add_tensor(f"matrix.{kind.name.lower()}", gguf.quants.quantize(matrix, kind), raw_dtype=kind)
    writer.add_tensor("cube.i32", numpy.arange(24, dtype=numpy.int32).reshape(2, 3, 4))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


safetensors_types()
gguf_values()
