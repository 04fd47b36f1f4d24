package peft

import (
	"context"
	"io"
	"log/slog"

	"libpeft.org/go/peft/internal/native"
)

// LogRecord is one line of the library's log.
type LogRecord struct {
	Level LogLevel
	Text  string
}

// SetLogLevel sets how much the library logs, for the whole process; at first nothing.
func SetLogLevel(level LogLevel) error {
	if err := Check(); err != nil {
		return err
	}
	return fails(native.Peft_log_set_level(native.Peft_log_level(level)))
}

// NextLogRecord takes the oldest record of the queue, which holds 1024; io.EOF when there is none.
func NextLogRecord() (LogRecord, error) {
	if err := Check(); err != nil {
		return LogRecord{}, err
	}
	level := make([]int32, 1)
	line, status, err := text(func(buffer native.PeftBuffer) int64 {
		return native.Peft_log_poll(level, buffer.Swigcptr())
	})
	if err == nil && status == StatusEnd {
		err = io.EOF
	}
	return LogRecord{Level: LogLevel(level[0]), Text: line}, err
}

// LogToQueue takes the log back from a callback that another part of the process has set in C.
func LogToQueue() error {
	if err := Check(); err != nil {
		return err
	}
	return fails(native.Peft_log_set_callback())
}

var slogLevels = map[LogLevel]slog.Level{
	LogLevelError: slog.LevelError, LogLevelWarning: slog.LevelWarn,
	LogLevelInfo: slog.LevelInfo, LogLevelDebug: slog.LevelDebug,
}

// DrainLog hands all queued records to a logger.
func DrainLog(ctx context.Context, logger *slog.Logger) error {
	for {
		record, err := NextLogRecord()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		logger.Log(ctx, slogLevels[record.Level], record.Text)
	}
}
