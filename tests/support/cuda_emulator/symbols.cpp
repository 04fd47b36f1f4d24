#include "symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <unordered_map>
#include <vector>

extern "C" void* __tls_get_addr(size_t index[2]);

namespace cuda_emulator {
namespace {

struct Module {
  const void* address = nullptr;
  std::string file;
  uintptr_t base = 0;
  size_t thread_module = 0, thread_bytes = 0;
  bool found = false;
};

int look_at(dl_phdr_info* info, size_t, void* data) {
  auto& module = *static_cast<Module*>(data);
  const auto address = reinterpret_cast<uintptr_t>(module.address);
  size_t thread_bytes = 0;
  bool holds = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD && address >= begin && address < begin + header.p_memsz) holds = true;
    if (header.p_type == PT_TLS) thread_bytes = header.p_memsz;
  }
  if (!holds) return 0;
  module.found = true;
  module.file = info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
  module.base = info->dlpi_addr;
  module.thread_module = info->dlpi_tls_modid;
  module.thread_bytes = thread_bytes;
  return 1;
}

Module module_of(const void* address) {
  Module module;
  module.address = address;
  dl_iterate_phdr(look_at, &module);
  return module;
}

// What the table says that also holds hidden and local symbols.
struct Symbols {
  std::unordered_map<uintptr_t, std::string> functions;  // mangled, by address
  std::map<std::string, size_t> thread_variables;        // bytes, by mangled name
};

Symbols read_symbols(const std::string& file) {
  Symbols found;
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), {});
  if (bytes.size() < sizeof(Elf64_Ehdr)) return found;
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(bytes.data());
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(bytes.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const char* const names = bytes.data() + sections[sections[i].sh_link].sh_offset;
    const auto* symbols = reinterpret_cast<const Elf64_Sym*>(bytes.data() + sections[i].sh_offset);
    for (size_t j = 0; j < sections[i].sh_size / sizeof(Elf64_Sym); ++j) {
      const Elf64_Sym& symbol = symbols[j];
      const char* const name = names + symbol.st_name;
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC) found.functions.emplace(symbol.st_value, name);
      if (ELF64_ST_TYPE(symbol.st_info) == STT_TLS) found.thread_variables.emplace(name, symbol.st_size);
    }
  }
  return found;
}

const Symbols& symbols_of(const std::string& file) {
  static auto& known = *new std::map<std::string, Symbols>;  // under the emulator's lock
  auto found = known.find(file);
  if (found == known.end()) found = known.emplace(file, read_symbols(file)).first;
  return found->second;
}

// The mangled name of the function at exactly this address; empty when there is none.
std::string symbol_of(const void* kernel) {
  const Module module = module_of(kernel);
  if (!module.found) return {};
  const Symbols& symbols = symbols_of(module.file);
  const auto found = symbols.functions.find(reinterpret_cast<uintptr_t>(kernel) - module.base);
  return found == symbols.functions.end() ? std::string() : found->second;
}

void remove_all(std::string& text, const std::string& part) {
  for (size_t at; (at = text.find(part)) != std::string::npos;) text.erase(at, part.size());
}

}  // namespace

std::string kernel_name(const void* kernel) {
  std::string name = symbol_of(kernel);
  if (name.empty()) {
    char text[32];
    std::snprintf(text, sizeof text, "at %p", kernel);
    return text;
  }
  int status = 0;
  if (char* const plain = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status)) {
    name = plain;
    std::free(plain);
  }
  remove_all(name, "(anonymous namespace)::");
  if (name.starts_with("void ")) name.erase(0, 5);
  int depth = 0;  // a parenthesis may also stand in a template argument
  for (size_t i = 0; i < name.size(); ++i) {
    depth += (name[i] == '<') - (name[i] == '>');
    if (name[i] == '(' && depth == 0) return name.substr(0, i);
  }
  return name;
}

size_t static_shared_bytes(const void* kernel) {
  static auto& known = *new std::unordered_map<const void*, size_t>;  // under the emulator's lock
  const auto [place, is_new] = known.try_emplace(kernel, 0);
  if (!is_new) return place->second;
  const std::string name = symbol_of(kernel);
  if (!name.starts_with("_Z")) return 0;
  // A variable x of the function _Zf is called _ZZfE1x.
  const std::string prefix = "_ZZ" + name.substr(2) + "E";
  const Symbols& symbols = symbols_of(module_of(kernel).file);
  for (auto variable = symbols.thread_variables.lower_bound(prefix);
       variable != symbols.thread_variables.end() && variable->first.starts_with(prefix); ++variable)
    place->second += (variable->second + 15) / 16 * 16;
  return place->second;
}

ThreadStorage thread_storage_of(const void* kernel) {
  static auto& known = *new std::map<const void*, Module>;  // a launch runs alone
  auto found = known.find(kernel);
  if (found == known.end()) found = known.emplace(kernel, module_of(kernel)).first;
  const Module& module = found->second;
  if (module.thread_bytes == 0) return {};
  size_t index[2] = {module.thread_module, 0};
  return {__tls_get_addr(index), module.thread_bytes};
}

}  // namespace cuda_emulator
