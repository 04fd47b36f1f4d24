// The project's own files, for tests that read them.
#pragma once

#include <string>
#include <vector>

namespace peft::test {

struct SourceFile {
  std::string path;  // relative to the top of the repository: "lib/base/error.h"
  std::vector<std::string> lines;
};

// Every file below `folder` whose name ends in one of `endings`; data, build output and fetched code are left
// out.
std::vector<SourceFile> source_files(const std::string& folder, const std::vector<std::string>& endings);

bool source_exists(const std::string& path);

// Folder of the include "folder/file.h" in a line like  #include "folder/file.h"; empty for other lines.
// `whole` gets the text between the quotes.
std::string included_folder(const std::string& line, std::string* whole);

// "lib/base/error.h:12" for the line with index 11.
std::string place_of(const std::string& path, size_t line);

// The parts of `line` between white space and parentheses, up to a "#".
std::vector<std::string> words(const std::string& line);

}  // namespace peft::test
