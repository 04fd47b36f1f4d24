// Checkpoint folders: a manifest with the size and hash of every file, written last, says that a folder is
// complete.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/limits.h"

namespace peft {

// Hashes every regular file below `folder` (at most 8 levels) and writes manifest.json into it through a
// temporary name. `state` is any JSON value of the caller; it comes back from read_manifest. Use it on the
// staging folder of an OutputFolder, then commit that.
void write_manifest(const std::string& folder, const Json& state);

// Checks that every file of the manifest is there with its size and hash, and that nothing else is; returns
// `state`. Throws Code::not_found without a manifest, Code::mismatch naming the first file that differs, is
// missing or extra.
Json read_manifest(const std::string& folder, const Limits& limits = {});

struct CheckpointFolder {
  int64_t step = 0;
  std::string path;
  Json state;
};

struct CheckpointSearch {
  std::optional<CheckpointFolder> newest;  // the complete one with the highest step
  std::vector<std::string> skipped;        // why newer ones were passed over, one message each
};

// Looks through "<prefix><number>" below `folder`; temporaries and other names are not looked at. A missing
// folder is an empty result.
CheckpointSearch newest_complete(const std::string& folder, std::string_view prefix = "checkpoint-",
                                 const Limits& limits = {});

// Steps of the "<prefix><number>" folders, ascending, complete or not: for pruning old ones.
std::vector<int64_t> checkpoint_steps(const std::string& folder, std::string_view prefix = "checkpoint-");

// Removes what an interrupted save left beside the checkpoints: hidden ".<prefix>*.tmp" and ".<prefix>*.old"
// folders. Only for a folder that no other process writes to.
void remove_stale_checkpoints(const std::string& folder, std::string_view prefix = "checkpoint-");

}  // namespace peft
