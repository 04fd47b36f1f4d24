package org.libpeft;

import org.libpeft.swig.peft_context_info;

/**
 * What a context and the process use now.
 *
 * @param threads threads of one computation
 * @param memoryBytes held now by all objects of the context
 * @param peakMemoryBytes the most that was ever held
 * @param residentBytes resident set of the process
 * @param peakResidentBytes the largest resident set of the process so far
 * @param availableBytes what the system could still give, within the cgroup's bound
 */
public record ContextInfo(
    int threads,
    long memoryBytes,
    long peakMemoryBytes,
    long residentBytes,
    long peakResidentBytes,
    long availableBytes) {

  static ContextInfo of(peft_context_info from) {
    return new ContextInfo(
        from.getThreads(),
        from.getMemory_bytes(),
        from.getPeak_memory_bytes(),
        from.getResident_bytes(),
        from.getPeak_resident_bytes(),
        from.getAvailable_bytes());
  }
}
