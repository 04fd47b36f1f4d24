package org.libpeft;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Paths, the tiny model, and other Java processes. */
final class Fixtures {
  static final Path ROOT = Path.of(System.getProperty("peft.root", "../..")).toAbsolutePath().normalize();
  static final Path OUT =
      Path.of(System.getProperty("peft.out", ROOT + "/build/bindings/java")).toAbsolutePath().normalize();
  static final Path LLAMA = ROOT.resolve("tests/data/families/llama");
  static final Path ADAPTER = ROOT.resolve("tests/data/adapters/llama_lora");
  static final Path TOKENIZER = ROOT.resolve("tests/capi/tokenizer.json");
  static final int[] IDS = {3, 14, 15, 9, 26, 5, 35, 8};

  private Fixtures() {}

  static Dataset rows(Context context) {
    try (Rows rows = new Rows()) {
      for (int i = 0; i < 4; i++) rows.add(IDS[i], IDS[i + 1], IDS[i + 2], IDS[i + 3], IDS[i + 4]);
      return Dataset.fromRows(context, rows, null);
    }
  }

  /** What another JVM printed, and how it ended. */
  record Run(int status, String output) {}

  static Run java(List<String> arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Dpeft.root=" + ROOT, "-Dpeft.out=" + OUT));
    command.addAll(arguments);
    return run(command);
  }

  static Run run(List<String> command) throws IOException, InterruptedException {
    Path log = Files.createTempFile("libpeft", ".log");
    try {
      ProcessBuilder builder = new ProcessBuilder(command).directory(OUT.toFile());
      Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
      if (!process.waitFor(300, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException("took too long: " + command);
      }
      return new Run(process.exitValue(), Files.readString(log));
    } finally {
      Files.deleteIfExists(log);
    }
  }

  static String classPath() {
    return System.getProperty("java.class.path");
  }

  /** Resident memory of this process. */
  static long residentBytes() {
    try {
      return 4096 * Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
