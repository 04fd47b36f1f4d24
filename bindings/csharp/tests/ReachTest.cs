using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;
using NUnit.Framework;

namespace Libpeft.Tests {
  /// <summary>Every exported function is called by the facade, found in its compiled code.</summary>
  [TestFixture]
  public class ReachTest {
    const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static |
                             BindingFlags.Instance | BindingFlags.DeclaredOnly;

    static readonly Dictionary<short, OpCode> Codes =
        typeof(OpCodes).GetFields().Select(field => (OpCode)field.GetValue(null)).ToDictionary(code => code.Value);

    static int OperandSize(OpCode code, byte[] body, int at) {
      switch (code.OperandType) {
        case OperandType.InlineNone: return 0;
        case OperandType.ShortInlineBrTarget:
        case OperandType.ShortInlineI:
        case OperandType.ShortInlineVar: return 1;
        case OperandType.InlineVar: return 2;
        case OperandType.InlineI8:
        case OperandType.InlineR: return 8;
        case OperandType.InlineSwitch: return 4 + 4 * BitConverter.ToInt32(body, at);
        default: return 4;
      }
    }

    static IEnumerable<MethodBase> Called(MethodBase method) {
      MethodBody body = method.GetMethodBody();
      byte[] code = body == null ? new byte[0] : body.GetILAsByteArray();
      for (int at = 0; at < code.Length;) {
        short value = code[at++];
        if (value == 0xfe) value = (short)(0xfe00 | code[at++]);
        OpCode found = Codes[value];
        if (found.OperandType == OperandType.InlineMethod) {
          Type[] ofType = method.DeclaringType.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
          Type[] ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
          yield return method.Module.ResolveMethod(BitConverter.ToInt32(code, at), ofType, ofMethod);
        }
        at += OperandSize(found, code, at);
      }
    }

    [Test]
    public void EveryExportedFunctionIsReached() {
      Assembly assembly = typeof(Library).Assembly;
      var reached = new HashSet<string>();
      foreach (Type type in assembly.GetTypes()) {
        bool generated = type.Namespace == "Libpeft.Native" && !typeof(Native.Handles).IsAssignableFrom(type) &&
                         (type.Name.StartsWith("peft_") && !type.IsNested || type.Name.StartsWith("PeftNative"));
        if (generated) continue;
        foreach (MethodBase method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
          foreach (MethodBase called in Called(method))
            reached.Add(called is ConstructorInfo ? called.DeclaringType.Name + "_init" : called.Name);
      }
      string[] symbols = File.ReadAllLines(Path.Combine(Tiny.Root, "tests/capi/symbols.txt"));
      string[] missing = symbols.Where(symbol => !reached.Contains(symbol)).ToArray();
      Console.WriteLine("header: {0} of {1} functions reached", symbols.Length - missing.Length, symbols.Length);
      Assert.IsEmpty(missing);
      Assert.Greater(symbols.Length, 100);
    }
  }
}
