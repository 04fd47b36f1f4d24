using System;
using System.Diagnostics;
using System.IO;
using NUnit.Framework;

namespace Libpeft.Tests {
  /// <summary>The library is missing, or another one: in programs of their own (smoke/Smoke.cs).</summary>
  [TestFixture]
  public class LoaderTest {
    static readonly string Built = Path.GetDirectoryName(new Uri(typeof(Library).Assembly.CodeBase).LocalPath);

    static int Smoke(string folder, string libraries, string how, out string output) {
      foreach (string name in new[] { "Libpeft.dll", "smoke.exe" })
        File.Copy(Path.Combine(Built, name), Path.Combine(folder, name), true);
      var start = new ProcessStartInfo("mono", "smoke.exe " + how) {
        WorkingDirectory = folder, UseShellExecute = false, RedirectStandardOutput = true
      };
      start.EnvironmentVariables["LIBPEFT_DIR"] = libraries;
      start.EnvironmentVariables.Remove("LD_LIBRARY_PATH");
      using (Process process = Process.Start(start)) {
        output = process.StandardOutput.ReadToEnd();
        Assert.IsTrue(process.WaitForExit(60000), "it ended");
        return process.ExitCode;
      }
    }

    [Test]
    public void MissingItIsSaidWhereItWasLookedFor() {
      string folder = Tiny.Folder("missing"), output;
      Assert.AreEqual(3, Smoke(folder, "/no/such/place", "version", out output), output);
      foreach (string place in new[] { "/no/such/place/libpeft.so.1", "/no/such/place/libpeft_csharp.so",
                                       folder + "/libpeft.so.1", folder + "/libpeft_csharp.so",
                                       folder + "/runtimes/linux-", "the system's own places" })
        StringAssert.Contains(place, output);
    }

    [Test]
    public void ABrokenOneIsSaidToBe() {
      string folder = Tiny.Folder("broken"), output;
      File.WriteAllText(Path.Combine(folder, "libpeft_csharp.so"), "no library");
      Assert.AreEqual(3, Smoke(folder, "", "version", out output), output);
      StringAssert.Contains("libpeft_csharp.so: ", output);
      StringAssert.Contains("file too short", output);
    }

    [Test]
    public void AnotherAbiIsRefusedWithBothNumbers() {
      string folder = Tiny.Folder("other"), output;
      File.Copy(Path.Combine(Built, "libpeft_csharp.so"), Path.Combine(folder, "libpeft_csharp.so"));
      Assert.AreEqual(3, Smoke(folder, Path.Combine(Built, "other"), "version", out output), output);
      StringAssert.Contains("ABI version 99, this binding needs 1", output);
    }

    [Test]
    public void AProgramMayEndInTheMiddle() {
      string folder = Tiny.Folder("ends"), output;
      Stopwatch watch = Stopwatch.StartNew();
      Assert.AreEqual(0, Smoke(folder, Built, "end " + Tiny.ModelPath, out output), output);
      StringAssert.Contains("ends", output);
      Assert.Less(watch.Elapsed.TotalSeconds, 20);
    }
  }
}
