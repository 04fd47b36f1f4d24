using System;

namespace Libpeft.Native {
  /// <summary>By this name ahead-of-time compilers (Unity's IL2CPP, Mono's AOT) find what native code calls.</summary>
  [AttributeUsage(AttributeTargets.Method)]
  internal sealed class MonoPInvokeCallbackAttribute : Attribute {
    public MonoPInvokeCallbackAttribute(Type type) { Type = type; }

    public Type Type { get; }
  }
}
