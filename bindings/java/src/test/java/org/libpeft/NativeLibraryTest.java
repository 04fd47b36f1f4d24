package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  /** Prints where the library came from, in a process of its own. */
  public static final class Main {
    private Main() {}

    public static void main(String[] arguments) {
      System.out.println("origin " + NativeLibrary.origin() + " version " + Libpeft.version());
    }
  }

  private static Path natives() throws Exception {
    try (Stream<Path> files = Files.list(Fixtures.OUT.resolve("resources/org/libpeft/natives"))) {
      return files.findFirst().orElseThrow();
    }
  }

  private static Fixtures.Run run(String classPath, String... properties) throws Exception {
    List<String> arguments = new ArrayList<>(List.of(properties));
    arguments.addAll(List.of("-cp", classPath, "org.libpeft.NativeLibraryTest$Main"));
    return Fixtures.java(arguments);
  }

  /** The classes without the natives. */
  private static String bare(Path folder) throws Exception {
    Path classes = Fixtures.OUT.resolve("target/classes");
    try (Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
        Path to = folder.resolve(classes.relativize(file));
        Files.createDirectories(to.getParent());
        Files.copy(file, to);
      }
    }
    return folder + ":" + Fixtures.OUT.resolve("target/test-classes");
  }

  @Test
  void propertyLibraryPathAndJar(@TempDir Path work) throws Exception {
    String natives = natives().toString();
    String bare = bare(work.resolve("bare"));
    Fixtures.Run byProperty = run(bare, "-Dorg.libpeft.path=" + natives);
    assertTrue(byProperty.output().contains("origin " + natives), byProperty.output());
    Fixtures.Run byPath = run(bare, "-Djava.library.path=/nowhere:" + natives);
    assertTrue(byPath.output().contains("origin " + natives), byPath.output());
    Path cache = work.resolve("cache");
    Fixtures.Run first = run(Fixtures.classPath(), "-Dorg.libpeft.cache=" + cache, "-Djava.library.path=");
    assertTrue(first.output().contains("origin " + cache), first.output());
    List<Path> files;
    try (Stream<Path> found = Files.walk(cache)) {
      files = found.filter(Files::isRegularFile).toList();
    }
    assertEquals(2, files.size(), files.toString());
    long written = Files.getLastModifiedTime(files.get(0)).toMillis();
    Thread.sleep(20);
    assertEquals(0, run(Fixtures.classPath(), "-Dorg.libpeft.cache=" + cache, "-Djava.library.path=").status());
    assertEquals(written, Files.getLastModifiedTime(files.get(0)).toMillis()); // not unpacked again
  }

  @Test
  void whatIsMissingIsListed(@TempDir Path work) throws Exception {
    Fixtures.Run run = run(bare(work), "-Dorg.libpeft.path=/a/folder", "-Djava.library.path=/one:/two");
    assertNotEquals(0, run.status());
    for (String place : List.of("/a/folder/libpeft_java.so", "/one/libpeft_java.so", "/two/libpeft_java.so", "jar: "))
      assertTrue(run.output().contains(place), place + " in " + run.output());
  }

  @Test
  void anotherAbiIsRefused(@TempDir Path work) throws Exception {
    Path source = work.resolve("other.c");
    Path map = work.resolve("other.map");
    Files.writeString(source, "int peft_abi_version(void) { return 99; }\n");
    Files.writeString(map, "LIBPEFT_1 { global: peft_*; local: *; };\n");
    Fixtures.Run compiled =
        Fixtures.run(
            List.of("cc", "-shared", "-fPIC", "-Wl,-soname,libpeft.so.1", "-Wl,--version-script=" + map, "-o",
                work.resolve("libpeft.so.1").toString(), source.toString()));
    assertEquals(0, compiled.status(), compiled.output());
    Files.copy(natives().resolve("libpeft_java.so"), work.resolve("libpeft_java.so"));
    Fixtures.Run run = run(Fixtures.classPath(), "-Dorg.libpeft.path=" + work);
    assertNotEquals(0, run.status());
    assertTrue(run.output().contains(work + " has ABI version 99, this jar needs 1"), run.output());
  }
}
