// Bounds on what a file or a caller may make the library do. Every loader takes one; the defaults fit real models.
#pragma once

#include <cstdint>

namespace peft {

struct Limits {
  int64_t json_bytes = 256ll << 20;         // largest JSON text (tokenizer.json of 256k vocabularies is 30 MB)
  int json_depth = 64;                      // nesting of arrays and objects
  int64_t json_values = 1 << 24;            // values of one JSON text (an empty array takes 20 times its text)
  int64_t safetensors_header = 100000000;   // the format's own bound
  int64_t tensors = 1 << 20;                // tensors in one file set
  int64_t metadata_entries = 1 << 16;       // key/value pairs of a GGUF file
  int64_t array_elements = 1 << 24;         // elements of one GGUF metadata array
  int64_t string_bytes = 16ll << 20;        // one string of a file
  int64_t name_bytes = 1024;                // one tensor or module name
  int64_t memory_bytes = 0;                 // device and host memory an execution context may hold; 0 = no bound
  int64_t data_row_bytes = 64ll << 20;      // one row of a data set
  int64_t data_rows = 1ll << 31;
  int64_t text_bytes = 64ll << 20;          // one text to encode
  int64_t template_output_bytes = 16ll << 20;
  int64_t template_fuel = 10000000;         // steps of the chat template interpreter
  int64_t tokens = 1 << 20;                 // tokens of one row or session
};

}  // namespace peft
