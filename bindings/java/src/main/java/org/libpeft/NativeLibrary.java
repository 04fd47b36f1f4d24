package org.libpeft;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.libpeft.swig.Peft;
import org.libpeft.swig.PeftConstants;

/**
 * Loads the native libraries once: from the folder of the property org.libpeft.path, else from java.library.path, else
 * those of the jar out of a cache folder that their content names, so that versions never share one and nothing is
 * unpacked twice. The folder's parent is that of the property org.libpeft.cache, $XDG_CACHE_HOME/libpeft/java, or
 * ~/.cache/libpeft/java.
 */
public final class NativeLibrary {
  private static final String CORE = "libpeft.so.1";
  private static final String WRAPPER = "libpeft_java.so";
  private static boolean begun;
  private static String origin;
  private static UnsatisfiedLinkError failure;

  private NativeLibrary() {}

  /** Where the libraries were loaded from. */
  public static synchronized String origin() {
    load();
    return origin;
  }

  /** Called by the generated classes before anything else; needless elsewhere. */
  public static synchronized void load() {
    if (failure != null) throw failure;
    if (begun) return;
    begun = true;
    List<String> looked = new ArrayList<>();
    origin = find(looked);
    if (origin == null) {
      failure =
          new UnsatisfiedLinkError(
              "libpeft's native libraries were not found; looked at:\n  " + String.join("\n  ", looked));
      throw failure;
    }
    int found = Peft.peft_abi_version();
    int needed = PeftConstants.PEFT_ABI_VERSION;
    if (found != needed) {
      failure =
          new UnsatisfiedLinkError(
              "libpeft from " + origin + " has ABI version " + found + ", this jar needs " + needed);
      throw failure;
    }
    Runtime.getRuntime().addShutdownHook(new Thread(Peft::peft_java_watch_exit, "libpeft exit"));
  }

  private static String find(List<String> looked) {
    String property = System.getProperty("org.libpeft.path");
    if (property == null) looked.add("property org.libpeft.path: not set");
    else if (loadFrom(Path.of(property), "property org.libpeft.path: ", looked)) return property;
    for (String folder : System.getProperty("java.library.path", "").split(":"))
      if (!folder.isEmpty() && loadFrom(Path.of(folder), "java.library.path: ", looked)) return folder;
    try {
      Path folder = unpack(looked);
      if (folder != null && loadFrom(folder, "unpacked from the jar: ", looked)) return folder.toString();
    } catch (IOException | RuntimeException e) {
      looked.add("unpacking from the jar: " + e);
    }
    return null;
  }

  private static boolean loadFrom(Path folder, String how, List<String> looked) {
    Path wrapper = folder.resolve(WRAPPER).toAbsolutePath();
    Path core = folder.resolve(CORE).toAbsolutePath();
    if (!Files.exists(wrapper)) {
      looked.add(how + wrapper + ": there is no such file");
      return false;
    }
    try {
      if (Files.exists(core)) System.load(core.toString()); // else the wrapper's own search path finds it
      System.load(wrapper.toString());
      return true;
    } catch (UnsatisfiedLinkError e) {
      looked.add(how + wrapper + ": " + e.getMessage());
      return false;
    }
  }

  private static Path unpack(List<String> looked) throws IOException {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT) + "-" + System.getProperty("os.arch");
    String at = "/org/libpeft/natives/" + system + "/";
    Properties natives = new Properties();
    try (InputStream in = NativeLibrary.class.getResourceAsStream(at + "natives.properties")) {
      if (in == null) {
        looked.add("jar: there is no " + at);
        return null;
      }
      natives.load(in);
    }
    Path folder = cache().resolve(natives.getProperty("version") + "-" + natives.getProperty("sum"));
    Files.createDirectories(folder);
    for (String name : List.of(CORE, WRAPPER)) {
      Path target = folder.resolve(name);
      long size = Long.parseLong(natives.getProperty("size." + name));
      if (Files.exists(target) && Files.size(target) == size) continue;
      Path part = Files.createTempFile(folder, name, ".part");
      try (InputStream in = NativeLibrary.class.getResourceAsStream(at + name)) {
        if (in == null) throw new IOException("there is no " + at + name);
        Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
        try {
          Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
          Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
        }
      } finally {
        Files.deleteIfExists(part);
      }
    }
    return folder;
  }

  private static Path cache() {
    String property = System.getProperty("org.libpeft.cache");
    if (property != null) return Path.of(property);
    String cache = System.getenv("XDG_CACHE_HOME");
    boolean set = cache != null && !cache.isEmpty();
    Path parent = set ? Path.of(cache) : Path.of(System.getProperty("user.home"), ".cache");
    return parent.resolve("libpeft").resolve("java");
  }
}
