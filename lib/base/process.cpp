#include "base/process.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace peft {
namespace {

// Small kernel files, read without the library's own error handling: absence is normal and gives "".
std::string read_kernel_file(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"),
                                                   [](FILE* f) { return std::fclose(f); });
  if (!file) return {};
  char buffer[8192];
  return std::string(buffer, std::fread(buffer, 1, sizeof buffer, file.get()));
}

// A number, or `otherwise` for "max", an unreadable file and values that mean "no bound".
int64_t read_number(const std::string& path, int64_t otherwise) {
  const std::string text = read_kernel_file(path);
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  return end == text.c_str() || value < 0 || value >= (1ll << 60) ? otherwise : value;
}

int64_t read_statistic(const std::string& path, const char* key) {
  const std::string text = "\n" + read_kernel_file(path);
  const size_t at = text.find("\n" + std::string(key) + " ");
  return at == std::string::npos ? 0 : std::strtoll(text.c_str() + at + 2 + std::strlen(key), nullptr, 10);
}

// The folder of this process's group under `mount` for the controller ("" is the unified hierarchy).
std::string group_folder(const std::string& mount, const std::string& controller) {
  const std::string text = "\n" + read_kernel_file("/proc/self/cgroup");
  // Lines are "id:controllers:path"; the unified hierarchy is "0::path".
  const std::string marker = controller.empty() ? "\n0::" : ":" + controller + ":";
  const size_t at = text.find(marker);
  if (at == std::string::npos) return mount;
  const size_t begin = at + marker.size();
  return mount + text.substr(begin, text.find('\n', begin) - begin);
}

// Calls visit(folder) for the group's folder and every parent up to the mount: the tightest bound counts.
template <typename Visit>
void for_each_group(const std::string& mount, const std::string& controller, Visit&& visit) {
  std::string folder = group_folder(mount, controller);
  while (folder.size() > mount.size()) {
    visit(folder);
    folder.erase(folder.rfind('/'));
  }
  visit(mount);
}

}  // namespace

int cgroup_cpus() {
  int64_t cpus = 0;
  const auto take = [&](int64_t quota, int64_t period) {
    if (quota <= 0 || period <= 0) return;
    const int64_t allowed = std::min<int64_t>((quota - 1) / period + 1, 1 << 16);
    cpus = cpus == 0 ? allowed : std::min(cpus, allowed);
  };
  for_each_group("/sys/fs/cgroup", "", [&](const std::string& folder) {
    const std::string text = read_kernel_file(folder + "/cpu.max");  // "quota period" or "max period"
    char* end = nullptr;
    const long long quota = std::strtoll(text.c_str(), &end, 10);
    if (end != text.c_str()) take(quota, std::strtoll(end, nullptr, 10));
  });
  for (const char* controller : {"cpu", "cpu,cpuacct"})  // systems differ in how they mount the two
    for_each_group("/sys/fs/cgroup/cpu", controller, [&](const std::string& folder) {
      take(read_number(folder + "/cpu.cfs_quota_us", 0), read_number(folder + "/cpu.cfs_period_us", 0));
    });
  return static_cast<int>(cpus);
}

int64_t cgroup_free_bytes() {
  int64_t free = -1;
  // Page cache that the kernel would give back does not count as used.
  const auto take = [&](int64_t bound, int64_t used, int64_t reclaimable) {
    if (bound < 0 || used < 0) return;
    const int64_t left = std::max<int64_t>(0, bound - std::max<int64_t>(0, used - reclaimable));
    free = free < 0 ? left : std::min(free, left);
  };
  for_each_group("/sys/fs/cgroup", "", [&](const std::string& folder) {
    take(read_number(folder + "/memory.max", -1), read_number(folder + "/memory.current", -1),
         read_statistic(folder + "/memory.stat", "inactive_file"));
  });
  for_each_group("/sys/fs/cgroup/memory", "memory", [&](const std::string& folder) {
    take(read_number(folder + "/memory.limit_in_bytes", -1),
         read_number(folder + "/memory.usage_in_bytes", -1),
         read_statistic(folder + "/memory.stat", "total_inactive_file"));
  });
  return free;
}

}  // namespace peft
