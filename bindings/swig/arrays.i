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

#ifdef SWIGJAVA
%typemap(arginit) (char *buf, size_t cap, size_t *len) "peft_swig::Output<char> peft_output;"
%typemap(arginit) (int32_t *data, size_t cap, size_t *len) "peft_swig::Output<int32_t> peft_output;"
%typemap(arginit) (float *data, size_t cap, size_t *len), (float *values, size_t cap, size_t *len)
  "peft_swig::Output<float> peft_output;"
#else
/* Where text and token ids go: memory that grows and may serve any number of calls, one at a time. */
%inline %{
class PeftBuffer {
 public:
  PeftBuffer() : bytes_(4096) {}
  /* Where the last call's output begins, until the next call. */
  int64_t address() const { return static_cast<int64_t>(reinterpret_cast<intptr_t>(bytes_.data())); }
  /* Its size in bytes. */
  int64_t size() const { return size_; }
  /* Makes room where the size can be guessed, so that no call is made twice. */
  void reserve(int64_t bytes) {
    if (bytes > static_cast<int64_t>(bytes_.size())) bytes_.resize(static_cast<size_t>(bytes));
  }

#ifndef SWIG
  std::vector<char> bytes_;
  int64_t size_ = 0;
#endif
};
%}
%{
namespace peft_swig {

/* A call's output into a PeftBuffer; without one nothing is wanted. */
template <typename T>
class BufferOutput {
 public:
  void attach(PeftBuffer* buffer, T** data, size_t* capacity, size_t** len) {
    buffer_ = buffer, data_ = data, capacity_ = capacity;
    *len = buffer ? &size_ : nullptr;
    if (buffer) buffer->size_ = 0;
    point();
  }
  bool grow() {
    if (!buffer_ || size_ <= *capacity_ || grown_) return false;
    buffer_->bytes_.resize((size_ + 1) * sizeof(T));
    point();
    return grown_ = true;
  }
  /* After the last call. */
  void finish(bool done) {
    if (buffer_) buffer_->size_ = done ? static_cast<int64_t>(size_ * sizeof(T)) : 0;
  }

 private:
  void point() {
    *data_ = buffer_ ? reinterpret_cast<T*>(buffer_->bytes_.data()) : nullptr;
    *capacity_ = buffer_ ? buffer_->bytes_.size() / sizeof(T) : 0;
  }
  PeftBuffer* buffer_ = nullptr;
  T** data_ = nullptr;
  size_t *capacity_ = nullptr, size_ = 0;
  bool grown_ = false;
};

}  // namespace peft_swig
%}
%typemap(arginit) (char *buf, size_t cap, size_t *len) "peft_swig::BufferOutput<char> peft_output;"
%typemap(arginit) (int32_t *data, size_t cap, size_t *len) "peft_swig::BufferOutput<int32_t> peft_output;"
%typemap(in) (char *buf, size_t cap, size_t *len), (int32_t *data, size_t cap, size_t *len)
  "peft_output.attach(reinterpret_cast<PeftBuffer *>($input), &$1, &$2, &$3);"
%typemap(argout) (char *buf, size_t cap, size_t *len), (int32_t *data, size_t cap, size_t *len)
  "peft_output.finish(result == PEFT_OK);"
%typemap(freearg) (char *buf, size_t cap, size_t *len), (int32_t *data, size_t cap, size_t *len) ""
#endif
%exception {
#ifdef SWIGJAVA
  peft_swig::Inside inside;
#endif
  $action
  if (peft_output.grow()) { $action }
}
