#include "base/log.h"

#include <atomic>
#include <deque>
#include <mutex>

namespace peft {
namespace {

constexpr size_t queue_capacity = 1024;

constinit std::atomic<LogLevel> level_now{LogLevel::warning};
constinit std::atomic<int64_t> dropped{0};
constinit std::mutex queue_mutex;
constinit bool queue_gone = false;  // a host's static destructor may log after ours has run

struct Queue {
  std::deque<LogRecord> records;
  ~Queue() {
    std::lock_guard lock(queue_mutex);
    queue_gone = true;
  }
};

// With queue_mutex held; nullptr once the process is unloading.
std::deque<LogRecord>* queue() {
  static Queue instance;
  return queue_gone ? nullptr : &instance.records;
}

}  // namespace

void set_log_level(LogLevel level) { level_now.store(level, std::memory_order_relaxed); }
LogLevel log_level() { return level_now.load(std::memory_order_relaxed); }
int64_t dropped_log_records() { return dropped.load(std::memory_order_relaxed); }

std::optional<LogRecord> poll_log() {
  std::lock_guard lock(queue_mutex);
  std::deque<LogRecord>* records = queue();
  if (!records || records->empty()) return std::nullopt;
  LogRecord record = std::move(records->front());
  records->pop_front();
  return record;
}

void write_log(LogLevel level, std::string message) {
  if (level == LogLevel::off || level > log_level()) return;
  std::lock_guard lock(queue_mutex);
  std::deque<LogRecord>* records = queue();
  if (!records) return;
  if (records->size() >= queue_capacity) {
    records->pop_front();
    dropped.fetch_add(1, std::memory_order_relaxed);
  }
  records->push_back({level, std::move(message)});
}

}  // namespace peft
