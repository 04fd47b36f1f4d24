#include "base/log.h"

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>

namespace peft {
namespace {

constexpr size_t queue_capacity = 1024;

constinit std::atomic<LogLevel> level_now{LogLevel::off};
constinit std::atomic<int64_t> dropped{0};
constinit std::mutex queue_mutex;
constinit bool queue_gone = false;  // a host's static destructor may log after ours has run

struct Queue {
  std::deque<LogRecord> records;
  std::shared_ptr<const LogSink> sink;
  ~Queue() {
    std::lock_guard lock(queue_mutex);
    queue_gone = true;
  }
};

// With queue_mutex held; nullptr once the process is unloading.
Queue* queue() {
  static Queue instance;
  return queue_gone ? nullptr : &instance;
}

}  // namespace

void set_log_level(LogLevel level) { level_now.store(level, std::memory_order_relaxed); }
LogLevel log_level() { return level_now.load(std::memory_order_relaxed); }
int64_t dropped_log_records() { return dropped.load(std::memory_order_relaxed); }

std::optional<LogRecord> poll_log() {
  std::lock_guard lock(queue_mutex);
  Queue* const now = queue();
  if (!now || now->records.empty()) return std::nullopt;
  LogRecord record = std::move(now->records.front());
  now->records.pop_front();
  return record;
}

void set_log_sink(LogSink sink) {
  auto shared = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  std::lock_guard lock(queue_mutex);
  if (Queue* const now = queue()) now->sink.swap(shared);
}

void write_log(LogLevel level, std::string message) {
  if (level == LogLevel::off || level > log_level()) return;
  LogRecord record{level, std::move(message)};
  std::shared_ptr<const LogSink> sink;
  {
    std::lock_guard lock(queue_mutex);
    Queue* const now = queue();
    if (!now) return;
    sink = now->sink;
    if (!sink) {
      if (now->records.size() >= queue_capacity) {
        now->records.pop_front();
        dropped.fetch_add(1, std::memory_order_relaxed);
      }
      now->records.push_back(std::move(record));
      return;
    }
  }
  try {
    (*sink)(record);
  } catch (...) {  // logging never makes the logged operation fail
  }
}

}  // namespace peft
