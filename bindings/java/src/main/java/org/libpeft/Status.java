package org.libpeft;

import org.libpeft.swig.peft_status_code;

/** Status codes of the library, as {@link PeftException#code()} gives them. */
public final class Status {
  private Status() {}

  public static final int OK = peft_status_code.PEFT_OK;
  public static final int END = peft_status_code.PEFT_END;
  public static final int PENDING = peft_status_code.PEFT_PENDING;
  public static final int STEP_SKIPPED = peft_status_code.PEFT_STEP_SKIPPED;
  public static final int NOTE = peft_status_code.PEFT_NOTE;
  public static final int INVALID_ARGUMENT = peft_status_code.PEFT_E_INVALID_ARGUMENT;
  public static final int BAD_HANDLE = peft_status_code.PEFT_E_BAD_HANDLE;
  public static final int BUSY = peft_status_code.PEFT_E_BUSY;
  public static final int OUT_OF_MEMORY = peft_status_code.PEFT_E_OUT_OF_MEMORY;
  public static final int IO = peft_status_code.PEFT_E_IO;
  public static final int FORMAT = peft_status_code.PEFT_E_FORMAT;
  public static final int UNSUPPORTED = peft_status_code.PEFT_E_UNSUPPORTED;
  public static final int NOT_FOUND = peft_status_code.PEFT_E_NOT_FOUND;
  public static final int MISMATCH = peft_status_code.PEFT_E_MISMATCH;
  public static final int LIMIT = peft_status_code.PEFT_E_LIMIT;
  public static final int CANCELLED = peft_status_code.PEFT_E_CANCELLED;
  public static final int CALLBACK = peft_status_code.PEFT_E_CALLBACK;
  public static final int NUMERIC = peft_status_code.PEFT_E_NUMERIC;
  public static final int DEVICE = peft_status_code.PEFT_E_DEVICE;
  public static final int DEVICE_LOST = peft_status_code.PEFT_E_DEVICE_LOST;
  public static final int REFUSED = peft_status_code.PEFT_E_REFUSED;
  public static final int REENTRANT = peft_status_code.PEFT_E_REENTRANT;
  public static final int FORKED = peft_status_code.PEFT_E_FORKED;
  public static final int STATE = peft_status_code.PEFT_E_STATE;
  public static final int INTERNAL = peft_status_code.PEFT_E_INTERNAL;
}
