package org.libpeft;

import java.lang.ref.Reference;
import org.libpeft.swig.Peft;

/** A request to stop, given to long calls and signalled by any thread. Once signalled it stays so. */
public final class Cancel extends Handle {
  public Cancel() {
    super(make(Peft::peft_cancel_create, Long::valueOf), Peft::peft_cancel_free);
  }

  public void signal() {
    try {
      Peft.peft_cancel_signal(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** How far the load or training that was given this has come, from 0 to 1. */
  public double progress() {
    double[] fraction = new double[1];
    try {
      Peft.peft_cancel_progress(handle(), fraction);
    } finally {
      Reference.reachabilityFence(this);
    }
    return fraction[0];
  }
}
