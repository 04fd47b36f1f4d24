// One log for the process: a bounded queue to poll, or a sink. Nothing is ever printed. Safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"

namespace peft {

enum class LogLevel : int32_t { off = 0, error = 1, warning = 2, info = 3, debug = 4 };

struct LogRecord {
  LogLevel level;
  std::string message;
};

void set_log_level(LogLevel level);  // at first: off
LogLevel log_level();
// Oldest queued record, if any. The queue holds 1024 records; beyond that the oldest are dropped and counted.
std::optional<LogRecord> poll_log();
int64_t dropped_log_records();
void write_log(LogLevel level, std::string message);
// Sends records to `sink` instead of the queue, on the thread that logs and under no lock; what it throws is dropped.
// Empty: to the queue again. A call that began before may still run when this returns.
using LogSink = std::function<void(const LogRecord&)>;
void set_log_sink(LogSink sink);

template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (level <= log_level()) write_log(level, fmt::vformat(format, fmt::make_format_args(args...)));
}

}  // namespace peft
