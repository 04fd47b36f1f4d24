package org.libpeft;

import org.libpeft.swig.PeftRows;

/** Rows of tokens, for a data set or for one training step. Close it when it has been used. */
public final class Rows implements AutoCloseable {
  /** Label of a token that bears no loss. */
  public static final int IGNORED = -100;

  private PeftRows rows = new PeftRows();

  /** Fails after close, as the handles do. */
  PeftRows alive() {
    if (rows == null) throw new PeftException(Status.BAD_HANDLE, "Rows is closed");
    return rows;
  }

  /** A row in which each token predicts the next one. */
  public Rows add(int... ids) {
    alive().add(ids, null);
    return this;
  }

  /** @param labels as long as ids: the id again, or {@link #IGNORED} */
  public Rows addLabelled(int[] ids, int[] labels) {
    alive().add(ids, labels);
    return this;
  }

  public long count() {
    return alive().count();
  }

  @Override
  public void close() {
    if (rows != null) rows.close();
    rows = null;
  }
}
