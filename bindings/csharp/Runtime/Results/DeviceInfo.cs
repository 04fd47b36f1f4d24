using Libpeft.Native;

namespace Libpeft {
  /// <summary>What a device is.</summary>
  public sealed class DeviceInfo {
    /// <summary>Position in the list of devices.</summary>
    public int Index { get; }

    /// <summary>What device options take: "cpu", "cuda:0".</summary>
    public string Id { get; }

    /// <summary>Marketing name of the processor or GPU.</summary>
    public string Name { get; }

    /// <summary>Instruction sets or compute capability: "avx2 avx512 amx-bf16", "sm_90".</summary>
    public string Capabilities { get; }

    /// <summary>Memory of the device.</summary>
    public long MemoryBytes { get; }

    /// <summary>Of which free now; for the CPU within the bound of the process's cgroup.</summary>
    public long FreeBytes { get; }

    internal DeviceInfo(peft_device_info from) {
      Index = from.index;
      Id = from.id;
      Name = from.name;
      Capabilities = from.capabilities;
      MemoryBytes = from.memory_bytes;
      FreeBytes = from.free_bytes;
    }
  }
}
