/* Text. Names, paths and settings end with NUL in C and must hold none; text is bytes and a length. Structures keep
 * copies of the strings that are set in them, as long as they live. */
%{
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace peft_swig {

/* A structure and what it points to. Every structure that a language holds was made as one of these. */
template <typename T>
struct Owner : T {
  Owner() : T() { this->struct_size = sizeof(T); }
  std::map<const void*, std::string> texts;
  std::map<const void*, std::vector<int32_t>> numbers;
  std::map<const void*, std::vector<int64_t>> handles;
};

template <typename T>
Owner<T>* owner_of(T* self) {
  return static_cast<Owner<T>*>(self);
}

/* Puts a copy of text into a field of self. */
template <typename T>
void keep_text(T* self, const char** field, const char* text) {
  *field = text ? owner_of(self)->texts.insert_or_assign(field, text).first->second.c_str() : nullptr;
}

}  // namespace peft_swig
%}

%typemap(memberin) const char * "peft_swig::keep_text(arg1, &$1, $input);"
