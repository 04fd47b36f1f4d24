// Handles: what crosses the C border instead of addresses. A value names a slot, its generation and the
// object's type, so a freed, foreign or wrong-typed handle is found out before anything is touched.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "base/error.h"

namespace peft::capi {

enum class ObjectType : uint8_t {
  none,
  cancel,
  context,
  model,
  tokenizer,
  stream_decoder,
  adapter,
  dataset,
  trainer,
  session,
};

const char* name_of(ObjectType type);

// What a handle stands for. Objects keep what they need alive through shared pointers, so any order of frees
// is legal.
class Object {
 public:
  explicit Object(ObjectType type) : type_(type) {}
  virtual ~Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ObjectType type() const { return type_; }

  // The thread rule of the header: any number of shared users, or one exclusive one. A clash is Code::busy,
  // and Code::reentrant when this very thread is the exclusive user (a callback that uses the object that
  // calls it).
  void enter(bool exclusive);
  void leave(bool exclusive) noexcept;

 private:
  const ObjectType type_;
  std::atomic<int32_t> users_{0};  // -1: one exclusive user
  std::atomic<std::thread::id> exclusive_user_{};
};

// Gives `object` a handle. Throws Code::out_of_memory / Code::limit.
void* add_handle(std::shared_ptr<Object> object);
// The object of a live handle of this type; Code::bad_handle otherwise, saying why.
std::shared_ptr<Object> find_handle(const void* handle, ObjectType type);
// One more free is needed before the handle dies.
void retain_handle(const void* handle, ObjectType type);
// Does nothing for NULL, dead and foreign handles. The object goes when its last user is done.
void free_handle(const void* handle, ObjectType type) noexcept;
// Live handles of a type, for tests of leaks.
int64_t live_handles(ObjectType type);

// An object in use for the length of a call.
template <typename T>
class Use {
 public:
  Use(const void* handle, bool exclusive)
      : object_(std::static_pointer_cast<T>(find_handle(handle, T::object_type))), exclusive_(exclusive) {
    object_->enter(exclusive_);
  }
  ~Use() { object_->leave(exclusive_); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  T* operator->() const { return object_.get(); }
  T& operator*() const { return *object_; }
  const std::shared_ptr<T>& object() const { return object_; }

 private:
  std::shared_ptr<T> object_;
  bool exclusive_;
};

template <typename T>
Use<T> shared(const void* handle) {
  return Use<T>(handle, false);
}
template <typename T>
Use<T> exclusive(const void* handle) {
  return Use<T>(handle, true);
}

}  // namespace peft::capi
