package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.libpeft.swig.Peft;

/** Nothing of the C API is out of reach. */
class CoverageTest {
  private static final Path SOURCES = Fixtures.ROOT.resolve("bindings/java/src/main/java/org/libpeft");

  private static List<String> exported() throws Exception {
    Path list = Fixtures.ROOT.resolve("tests/capi/symbols.txt");
    return Files.readAllLines(list).stream().filter(symbol -> !symbol.isBlank()).toList();
  }

  private static String facade() throws Exception {
    try (Stream<Path> files = Files.list(SOURCES)) {
      StringBuilder all = new StringBuilder();
      for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) all.append(Files.readString(file));
      return all.toString();
    }
  }

  @Test
  void everyFunctionIsGenerated() throws Exception {
    Set<String> there = Arrays.stream(Peft.class.getMethods()).map(Method::getName).collect(Collectors.toSet());
    List<String> missing = exported().stream().filter(name -> !there.contains(name)).toList();
    assertEquals(List.of(), missing);
  }

  /** Initialisers are called by the structures' constructors, messages are read where a call fails. */
  @Test
  void everyFunctionIsUsedByTheFacade() throws Exception {
    String facade = facade();
    List<String> missing = new ArrayList<>();
    for (String name : exported())
      if (!name.endsWith("_init") && !facade.contains("Peft." + name + "(") && !facade.contains("Peft::" + name + ",")
          && !facade.contains("Peft::" + name + ")")) missing.add(name);
    assertEquals(List.of("peft_last_error", "peft_log_set_callback"), missing); // thrown; polled
  }

  private static String camel(String name) {
    StringBuilder out = new StringBuilder();
    for (String part : name.split("_")) {
      String first = part.substring(0, 1);
      out.append(out.length() == 0 ? first.toLowerCase(Locale.ROOT) : first.toUpperCase(Locale.ROOT));
      out.append(part.substring(1));
    }
    return out.toString();
  }

  /** Every field of a structure is in its record or among its options. */
  @Test
  void everyFieldIsThere() throws Exception {
    List<String> missing = new ArrayList<>();
    try (Stream<Path> files = Files.list(SOURCES)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
        Class<?> type = Class.forName("org.libpeft." + file.getFileName().toString().replace(".java", ""));
        String text = Files.readString(file);
        boolean options = Options.class.isAssignableFrom(type) && type != Options.class;
        if (!type.isRecord() && !options) continue;
        String struct = text.replaceFirst("(?s).*?import org\\.libpeft\\.swig\\.(\\w+);.*", "$1");
        if (struct.equals(text)) continue;
        Set<String> has = Arrays.stream(type.getDeclaredMethods()).map(Method::getName).collect(Collectors.toSet());
        for (Method method : Class.forName("org.libpeft.swig." + struct).getMethods()) {
          if (!method.getName().matches((options ? "set" : "get") + "[A-Z].*")) continue;
          if (method.getName().equals("getClass")) continue;
          String name = camel(method.getName().substring(3));
          if (!has.contains(name)) missing.add(type.getSimpleName() + "." + name);
        }
      }
    }
    assertEquals(List.of(), missing);
    assertTrue(exported().size() > 100);
  }
}
