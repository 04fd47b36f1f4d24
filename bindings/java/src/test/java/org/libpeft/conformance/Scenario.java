package org.libpeft.conformance;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Collectors;

/** The flattened scenario, and what a runner prints. */
final class Scenario {
  private final Map<String, String> values = new HashMap<>();
  private final PrintStream out;
  String step = "";

  Scenario(Path tsv, PrintStream out) throws IOException {
    this.out = out;
    for (String line : Files.readAllLines(tsv)) {
      int tab = line.indexOf('\t');
      values.put(line.substring(0, tab), line.substring(tab + 1));
    }
  }

  String text(String key) {
    String value = values.get(key);
    if (value == null) throw new IllegalStateException("the scenario has no " + key);
    return value;
  }

  double number(String key) {
    return Double.parseDouble(text(key));
  }

  long integer(String key) {
    return Long.parseLong(text(key));
  }

  int count(String key) {
    return Integer.parseInt(text(key));
  }

  int[] ids(String key) {
    String text = text(key);
    return text.isEmpty() ? new int[0] : Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
  }

  byte[] bytes(String key) {
    return HexFormat.of().parseHex(text(key));
  }

  String string(String key) {
    return new String(bytes(key), StandardCharsets.UTF_8);
  }

  void value(String key, String text) {
    out.print("value\t" + step + "\t" + key + "\t" + text + "\n");
  }

  void value(String key, long number) {
    value(key, Long.toString(number));
  }

  void bits(String key, double number) {
    value(key, String.format("%016x", Double.doubleToRawLongBits(number)));
  }

  void ids(String key, int[] ids) {
    value(key, Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" ")));
  }

  void hex(String key, String text) {
    value(key, HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8)));
  }

  void verdict(String text) {
    out.print("step\t" + step + "\t" + text.replaceAll("[\\t\\r\\n]", " ") + "\n");
    out.flush();
  }
}
