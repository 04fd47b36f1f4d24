// The output folder of a training: adapter, tokenizer, resolved config, metrics, checkpoints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "settings.h"

namespace peft_cli {

// Lines of JSON that grow; each is handed to the system as it is written.
class JsonLines {
 public:
  explicit JsonLines(std::string path) : path_(std::move(path)) {}
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;
  // Drops what belongs to steps after `step`, and a last line that was cut off. The file may be missing.
  void cut_back(int64_t step) const;
  void append(const Json& line);

 private:
  std::string path_;
  int descriptor_ = -1;
};

class RunFolder {
 public:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const;
  bool has_adapter() const;
  bool has_checkpoints() const { return !checkpoints().empty(); }
  // Throws when the folder holds another run and neither `resume` nor `overwrite` says what to do with it.
  void check(bool resume, bool overwrite) const;
  // Makes the folder; `overwrite` removes what another run left there.
  void prepare(bool overwrite) const;
  // False where the folder's README.md is not a card of ours: it stays.
  bool may_write_card() const;
  // The settings as a file that --config takes.
  void write_config(const Json& settings) const;

 private:
  void lock() const;
  std::vector<std::string> checkpoints() const;  // also the temporaries of a save that was killed
  std::string path_;
};

}  // namespace peft_cli
