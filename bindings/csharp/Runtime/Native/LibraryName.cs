namespace Libpeft.Native {
  /// <summary>Where P/Invoke looks: iOS and the web link everything into one image.</summary>
  internal static class LibraryName {
#if (UNITY_IOS || UNITY_TVOS || UNITY_WEBGL) && !UNITY_EDITOR
    internal const string Value = "__Internal";
#else
    internal const string Value = "peft_csharp";
#endif
  }
}
