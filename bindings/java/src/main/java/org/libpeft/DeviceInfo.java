package org.libpeft;

import org.libpeft.swig.peft_device_info;

/**
 * What a device is.
 *
 * @param index position in the list of devices
 * @param id what device options take: "cpu", "cuda:0"
 * @param name marketing name of the processor or GPU
 * @param capabilities instruction sets or compute capability: "avx2 avx512 amx-bf16", "sm_90"
 * @param memoryBytes memory of the device
 * @param freeBytes of which free now; for the CPU within the bound of the process's cgroup
 */
public record DeviceInfo(
    int index,
    String id,
    String name,
    String capabilities,
    long memoryBytes,
    long freeBytes) {

  static DeviceInfo of(peft_device_info from) {
    return new DeviceInfo(
        from.getIndex(),
        Text.string(from.getId()),
        Text.string(from.getName()),
        Text.string(from.getCapabilities()),
        from.getMemory_bytes(),
        from.getFree_bytes());
  }
}
