using Libpeft.Native;

namespace Libpeft {
  /// <summary>Where a session stands.</summary>
  public sealed class SessionInfo {
    /// <summary>Of the last generation.</summary>
    public FinishReason FinishReason { get; }

    /// <summary>Tokens held.</summary>
    public long Position { get; }

    /// <summary>Most that it can hold.</summary>
    public long ContextLength { get; }

    /// <summary>Made since the last prefill or change of the sampling.</summary>
    public long NewTokens { get; }

    /// <summary>Key/value cache, a share of pages shared with forks included.</summary>
    public long CacheBytes { get; }

    /// <summary>All that it holds.</summary>
    public long MemoryBytes { get; }

    /// <summary>Of the last prefill.</summary>
    public double PrefillSeconds { get; }

    /// <summary>Spent on NewTokens.</summary>
    public double DecodeSeconds { get; }

    internal SessionInfo(peft_session_info from) {
      FinishReason = (FinishReason)from.finish_reason;
      Position = from.position;
      ContextLength = from.context_length;
      NewTokens = from.new_tokens;
      CacheBytes = from.cache_bytes;
      MemoryBytes = from.memory_bytes;
      PrefillSeconds = from.prefill_seconds;
      DecodeSeconds = from.decode_seconds;
    }
  }
}
