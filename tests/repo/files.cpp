#include "repo/files.h"
#include "support/paths.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>

namespace peft::test {

namespace fs = std::filesystem;

std::vector<SourceFile> source_files(const std::string& folder, const std::vector<std::string>& endings) {
  const fs::path root = ::peft::test::source_folder();
  const std::vector<std::string> left_out = {"build",        "target",      "corpus",
                                             "node_modules", "__pycache__", ".git"};
  std::vector<SourceFile> files;
  if (!fs::exists(root / folder)) return files;
  for (auto at = fs::recursive_directory_iterator(root / folder); at != fs::recursive_directory_iterator();
       ++at) {
    const std::string name = at->path().filename().string();
    if (at->is_directory()) {
      if (std::find(left_out.begin(), left_out.end(), name) != left_out.end()) at.disable_recursion_pending();
      continue;
    }
    const bool wanted =
        std::any_of(endings.begin(), endings.end(), [&](const auto& end) { return name.ends_with(end); });
    if (!wanted || !at->is_regular_file()) continue;
    SourceFile file{fs::relative(at->path(), root).string(), {}};
    std::ifstream stream(at->path());
    for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

bool source_exists(const std::string& path) { return fs::exists(fs::path(::peft::test::source_folder()) / path); }

std::string included_folder(const std::string& line, std::string* whole) {
  static const std::regex include(R"rx(^\s*#\s*include\s*"([^"]+)")rx");
  std::smatch match;
  if (!std::regex_search(line, match, include)) return {};
  *whole = match[1];
  const size_t slash = whole->find('/');
  return slash == std::string::npos ? "." : whole->substr(0, slash);
}

std::string place_of(const std::string& path, size_t line) { return path + ":" + std::to_string(line + 1); }

std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> result;
  std::string word;
  for (const char c : line + " ") {
    if (c == '#') break;
    if (c != ' ' && c != '\t' && c != '(' && c != ')') {
      word += c;
      continue;
    }
    if (!word.empty()) result.push_back(std::move(word));
    word.clear();
    if (c == ')') result.push_back(")");
  }
  return result;
}

}  // namespace peft::test
