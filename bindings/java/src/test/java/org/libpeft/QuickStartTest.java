package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's lines are a program that runs. */
class QuickStartTest {
  @Test
  void readmeRuns(@TempDir Path work) throws Exception {
    String readme = Files.readString(Fixtures.ROOT.resolve("bindings/java/README.md"));
    int begin = readme.indexOf("```java\n") + 8;
    String code = readme.substring(begin, readme.indexOf("```", begin));
    long lines = code.lines().filter(line -> !line.isBlank() && !line.startsWith("import")).count();
    assertTrue(lines <= 12, lines + " lines");
    Path file = work.resolve("QuickStart.java");
    Files.writeString(file, code);
    Fixtures.Run run =
        Fixtures.java(
            List.of(
                "-Dorg.libpeft.cache=" + System.getProperty("org.libpeft.cache"), "-cp", Fixtures.classPath(),
                file.toString(), Fixtures.LLAMA.toString(), work.resolve("adapter").toString()));
    assertEquals(0, run.status(), run.output());
    assertTrue(run.output().contains("loss"), run.output());
    assertTrue(Files.exists(work.resolve("adapter/adapter_model.safetensors")));
  }
}
