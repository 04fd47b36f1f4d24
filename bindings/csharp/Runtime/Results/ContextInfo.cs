using Libpeft.Native;

namespace Libpeft {
  /// <summary>What a context and the process use now.</summary>
  public sealed class ContextInfo {
    /// <summary>Threads of one computation.</summary>
    public int Threads { get; }

    /// <summary>Held now by all objects of the context.</summary>
    public long MemoryBytes { get; }

    /// <summary>The most that was ever held.</summary>
    public long PeakMemoryBytes { get; }

    /// <summary>Resident set of the process.</summary>
    public long ResidentBytes { get; }

    /// <summary>The largest resident set of the process so far.</summary>
    public long PeakResidentBytes { get; }

    /// <summary>What the system could still give, within the cgroup's bound.</summary>
    public long AvailableBytes { get; }

    internal ContextInfo(peft_context_info from) {
      Threads = from.threads;
      MemoryBytes = from.memory_bytes;
      PeakMemoryBytes = from.peak_memory_bytes;
      ResidentBytes = from.resident_bytes;
      PeakResidentBytes = from.peak_resident_bytes;
      AvailableBytes = from.available_bytes;
    }
  }
}
