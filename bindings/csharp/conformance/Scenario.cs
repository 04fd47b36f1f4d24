using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

namespace Libpeft.Conformance {
  /// <summary>The flattened scenario, and what the runner prints.</summary>
  internal sealed class Scenario {
    readonly Dictionary<string, string> values = new Dictionary<string, string>();
    readonly TextWriter output;
    internal string Step = "";

    internal Scenario(string path, TextWriter output) {
      this.output = output;
      foreach (string line in File.ReadAllLines(path)) {
        int tab = line.IndexOf('\t');
        if (tab >= 0) values[line.Substring(0, tab)] = line.Substring(tab + 1);
      }
    }

    internal string Text(string key) {
      string found;
      if (!values.TryGetValue(key, out found)) throw new StepFailed("the scenario has no " + key);
      return found;
    }

    internal double Number(string key) { return double.Parse(Text(key), CultureInfo.InvariantCulture); }
    internal int Count(string key) { return (int)Number(key); }

    internal int[] Ids(string key) {
      string text = Text(key);
      return text == "" ? new int[0] : Array.ConvertAll(text.Split(' '), int.Parse);
    }

    internal byte[] Bytes(string key) {
      string hex = Text(key);
      var bytes = new byte[hex.Length / 2];
      for (int i = 0; i < bytes.Length; i++) bytes[i] = Convert.ToByte(hex.Substring(2 * i, 2), 16);
      return bytes;
    }

    internal string Utf8(string key) { return Encoding.UTF8.GetString(Bytes(key)); }

    internal void Print(string key, long value) { Line("value", key, value.ToString(CultureInfo.InvariantCulture)); }
    internal void PrintBits(string key, double value) {
      Line("value", key, BitConverter.DoubleToInt64Bits(value).ToString("x16"));
    }
    internal void PrintIds(string key, IEnumerable<int> ids) { Line("value", key, string.Join(" ", ids)); }
    internal void PrintHex(string key, string text) {
      Line("value", key, BitConverter.ToString(Encoding.UTF8.GetBytes(text)).Replace("-", "").ToLowerInvariant());
    }
    internal void Verdict(string text) {
      output.Write("step\t" + Step + "\t" + text.Replace('\t', ' ').Replace('\n', ' ').Replace('\r', ' ') + "\n");
      output.Flush();
    }

    void Line(string kind, string key, string value) {
      output.Write(kind + "\t" + Step + "\t" + key + "\t" + value + "\n");
    }
  }

  internal sealed class StepFailed : Exception {
    internal StepFailed(string why) : base(why) {}
  }

  internal sealed class StepSkipped : Exception {
    internal StepSkipped(string why) : base(why) {}
  }
}
