/* Outputs of variable size: one call with room for what is usual; a second where that was too little. A call that
 * gives PEFT_E_LIMIT for want of room changes nothing (convention 7), so it may be made again. */
%{
#include <cstdlib>

namespace peft_swig {

/* Numbers or text that the library writes: into the caller's memory, or into memory of its own that grows. */
template <typename T>
class Output {
 public:
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /* data and capacity are the call's own arguments, which a second call needs changed. */
  void attach(T** data, size_t* capacity) { data_ = data, capacity_ = capacity; }
  void borrow(T* memory, size_t capacity) { *data_ = memory, *capacity_ = capacity; }
  void own() { *data_ = first_, *capacity_ = sizeof first_ / sizeof(T), grows_ = true; }

  /* After a call: true if it shall be made again. */
  bool grow() {
    if (!grows_ || size_ <= *capacity_ || !grown_.empty()) return false;
    grown_.resize(size_ + 1);
    *data_ = grown_.data();
    *capacity_ = grown_.size();
    return true;
  }

  bool owns() const { return grows_; }
  T* data() const { return *data_; }
  size_t size() const { return size_; }
  size_t* size_pointer() { return &size_; }

 private:
  T first_[4096 / sizeof(T)];
  std::vector<T> grown_;
  T** data_ = nullptr;
  size_t *capacity_ = nullptr, size_ = 0;
  bool grows_ = false;
};

/* Stands for the output of functions that have none; where there is one, a local of this name hides it. */
struct NoOutput {
  static bool grow() { return false; }
};

}  // namespace peft_swig
static peft_swig::NoOutput peft_output;
%}

/* A typemap's signature with commas, handed on as one argument of a macro. */
%define %arg(ARG...)
ARG
%enddef

%typemap(arginit) (char *buf, size_t cap, size_t *len) "peft_swig::Output<char> peft_output;"
%typemap(arginit) (int32_t *data, size_t cap, size_t *len) "peft_swig::Output<int32_t> peft_output;"
%typemap(arginit) (float *data, size_t cap, size_t *len), (float *values, size_t cap, size_t *len)
  "peft_swig::Output<float> peft_output;"
%exception {
  $action
  if (peft_output.grow()) { $action }
}
