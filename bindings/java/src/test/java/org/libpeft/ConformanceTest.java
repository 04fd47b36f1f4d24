package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The common scenario, with the JVM checking every JNI call. run.sh of bindings/conformance compares the figures. */
class ConformanceTest {
  @Test
  void everyStepHolds(@TempDir Path work) throws Exception {
    Path folder = Fixtures.ROOT.resolve("bindings/conformance");
    Path tsv = work.resolve("scenario.tsv");
    Process flat =
        new ProcessBuilder("python3", folder.resolve("scenario.py").toString(), "flat")
            .redirectInput(folder.resolve("scenario.json").toFile())
            .redirectOutput(tsv.toFile())
            .start();
    assertEquals(0, flat.waitFor());
    Path written = Files.createDirectory(work.resolve("work"));
    Fixtures.Run run =
        Fixtures.java(
            List.of(
                "-Xcheck:jni", "-Dorg.libpeft.cache=" + System.getProperty("org.libpeft.cache"), "-cp",
                Fixtures.classPath(), "org.libpeft.conformance.Runner", tsv.toString(), Fixtures.ROOT.toString(),
                written.toString()));
    assertEquals(0, run.status(), run.output());
    assertFalse(run.output().contains("WARNING in native method"), run.output());
  }
}
