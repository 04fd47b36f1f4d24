#include "capi/handles.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

#include "capi/guard.h"

namespace peft::capi {
namespace {

// 8 bits type | 24 bits generation | 32 bits slot + 1. The type is never 0, so no value is small or NULL; the
// top byte makes it no user address either.
constexpr int generation_bits = 24;
constexpr uint32_t last_generation = (1u << generation_bits) - 1;

struct Slot {
  std::shared_ptr<Object> object;
  uint32_t generation = 1;
  int32_t references = 0;
};

struct Table {
  std::mutex mutex;
  std::vector<Slot> slots;
  std::vector<uint32_t> free;
};

// Never destroyed: handles may be freed while the process exits.
Table& table() {
  static Table* const instance = new Table();
  return *instance;
}

struct Parts {
  ObjectType type;
  uint32_t generation, slot;
};

Parts parts_of(const void* handle) {
  const auto value = reinterpret_cast<uintptr_t>(handle);
  return {static_cast<ObjectType>(value >> 56), static_cast<uint32_t>(value >> 32) & last_generation,
          static_cast<uint32_t>(value) - 1};
}

void* value_of(ObjectType type, uint32_t generation, uint32_t slot) {
  const uint64_t value =
      uint64_t{static_cast<uint8_t>(type)} << 56 | uint64_t{generation} << 32 | uint64_t{slot + 1};
  return reinterpret_cast<void*>(static_cast<uintptr_t>(value));
}

// With the lock held; null for anything but a live handle of this type.
Slot* live_slot(Table& all, const void* handle, ObjectType type) {
  const Parts parts = parts_of(handle);
  if (parts.type != type || parts.slot >= all.slots.size()) return nullptr;
  Slot& slot = all.slots[parts.slot];
  return slot.object && slot.generation == parts.generation && slot.object->type() == type ? &slot : nullptr;
}

}  // namespace

const char* name_of(ObjectType type) {
  constexpr std::array<const char*, 10> names = {"object",    "cancel token",   "context", "model",
                                                 "tokenizer", "stream decoder", "adapter", "data set",
                                                 "trainer",   "session"};
  const auto index = static_cast<size_t>(type);
  return index < names.size() ? names[index] : names[0];
}

void Object::enter(bool exclusive) {
  int32_t users = users_.load(std::memory_order_relaxed);
  for (;;) {
    if (users < 0 || (exclusive && users > 0)) {
      // Only this thread can have written its own name there.
      const bool own = exclusive_user_.load(std::memory_order_relaxed) == std::this_thread::get_id();
      check(!own, Code::reentrant, "the {} is calling this callback and cannot be used inside it",
            name_of(type_));
      fail(Code::busy, "the {} is in use by another thread", name_of(type_));
    }
    if (users_.compare_exchange_weak(users, exclusive ? -1 : users + 1, std::memory_order_acquire)) break;
  }
  if (exclusive) exclusive_user_.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

void Object::leave(bool exclusive) noexcept {
  if (!exclusive) {
    users_.fetch_sub(1, std::memory_order_release);
    return;
  }
  exclusive_user_.store({}, std::memory_order_relaxed);
  users_.store(0, std::memory_order_release);
}

void* add_handle(std::shared_ptr<Object> object) {
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  if (all.free.empty()) {
    check(all.slots.size() < (size_t{1} << 31), Code::limit, "there are too many live objects");
    all.free.reserve(all.slots.size() + 1);
    all.slots.emplace_back();
    all.free.push_back(static_cast<uint32_t>(all.slots.size() - 1));
  }
  const uint32_t index = all.free.back();
  all.free.pop_back();
  Slot& slot = all.slots[index];
  const ObjectType type = object->type();
  slot.object = std::move(object);
  slot.references = 1;
  return value_of(type, slot.generation, index);
}

std::shared_ptr<Object> find_handle(const void* handle, ObjectType type) {
  check(handle != nullptr, Code::bad_handle, "the {} is NULL", name_of(type));
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  Slot* slot = live_slot(all, handle, type);
  if (!slot) {
    const Parts parts = parts_of(handle);
    const bool known =
        parts.slot < all.slots.size() && parts.type != ObjectType::none && parts.type <= ObjectType::session;
    check(!known || parts.type == type, Code::bad_handle, "expected a {}, found a handle of a {}",
          name_of(type), name_of(parts.type));
    fail(Code::bad_handle, "the handle is no live {}: it was freed or never one", name_of(type));
  }
  return slot->object;
}

void retain_handle(const void* handle, ObjectType type) {
  const std::shared_ptr<Object> object = find_handle(handle, type);
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  Slot* slot = live_slot(all, handle, type);
  check(slot != nullptr, Code::bad_handle, "the {} was freed by another thread", name_of(type));
  check(slot->references < INT32_MAX, Code::limit, "the {} has too many references", name_of(type));
  ++slot->references;
}

void free_handle(const void* handle, ObjectType type) noexcept {
  const CallScope scope;
  if (!handle || in_forked_child() || process_ends()) return;
  std::shared_ptr<Object> last;  // destroyed after the lock is gone: declared before it
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  Slot* slot = live_slot(all, handle, type);
  if (!slot || --slot->references > 0) return;
  last.swap(slot->object);
  // A slot whose generations are used up is never used again.
  if (++slot->generation <= last_generation) {
    all.free.push_back(parts_of(handle).slot);  // capacity was reserved when the slot was made
  }
}

int64_t live_handles(ObjectType type) {
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  return std::count_if(all.slots.begin(), all.slots.end(),
                       [&](const Slot& slot) { return slot.object && slot.object->type() == type; });
}

}  // namespace peft::capi
