// Small files of the command line: read whole, written through a temporary name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace peft_cli {

// Throws CommandError: missing, unreadable, longer than the limit.
std::string read_file(const std::string& path, size_t maximum_bytes);
// Writes beside, syncs, renames. Does nothing when the file holds that text already.
void write_file(const std::string& path, std::string_view text);
void make_folder(const std::string& path);
bool is_file(const std::string& path);
bool is_folder(const std::string& path);
std::string join(const std::string& folder, const std::string& name);
std::string base_name(const std::string& path);
// A model about to be written to `output` must not take the place of `model`, which it is made from (UsageError), nor of
// anything else that is there unless `overwrite` says so (CommandError); nor is it a place that cannot be written.
void check_output(const std::string& output, const std::string& model, bool overwrite);

}  // namespace peft_cli
