package org.libpeft;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.libpeft.swig.Peft;
import org.libpeft.swig.peft_device_info;

/** The library itself: version, capabilities, devices, log. */
public final class Libpeft {
  private Libpeft() {}

  /** One line of the log. */
  public record LogRecord(LogLevel level, String text) {}

  public static String version() {
    return Text.string(Peft.peft_version());
  }

  public static int abiVersion() {
    return Peft.peft_abi_version();
  }

  /** Version, compiler, configuration, backends. */
  public static String buildInfo() {
    return Text.string(Peft.peft_build_info());
  }

  /** Whether this build on this machine has a named capability, such as "cuda", "gguf", "family:llama". */
  public static boolean hasFeature(String name) {
    return Peft.peft_has_feature(Text.name(name)) != 0;
  }

  /** Name of a status code, such as "PEFT_E_FORMAT". */
  public static String statusName(int code) {
    return Text.string(Peft.peft_status_name(code));
  }

  /** The devices that can be used now; the CPU is the first. */
  public static List<DeviceInfo> devices() {
    int[] count = new int[1];
    Peft.peft_device_count(count);
    List<DeviceInfo> devices = new ArrayList<>();
    for (int i = 0; i < count[0]; i++)
      try (peft_device_info info = new peft_device_info()) {
        Peft.peft_device_get_info(i, info);
        devices.add(DeviceInfo.of(info));
      }
    return devices;
  }

  /** How much is logged, for the whole process; OFF until set. */
  public static void setLogLevel(LogLevel level) {
    Peft.peft_log_set_level(level.ordinal());
  }

  /** Takes the oldest record out of the queue of the last 1024. */
  public static Optional<LogRecord> pollLog() {
    int[] level = new int[1];
    byte[][] text = new byte[1][];
    if (Peft.peft_log_poll(level, text) == Status.END) return Optional.empty();
    return Optional.of(new LogRecord(LogLevel.of(level[0]), Text.string(text[0])));
  }
}
