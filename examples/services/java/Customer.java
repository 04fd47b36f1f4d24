import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import org.libpeft.*;

/**
 * One customer's rows, training and adapter. In the folder: rows.jsonl while they are to be trained on, run/ with the
 * checkpoints, and adapter/ once there is one. A folder with rows is a run that was cut, whatever ended the process.
 */
final class Customer {
  private static final String END = "";

  final String name;
  private final Path folder;
  private final List<BlockingQueue<String>> followers = new CopyOnWriteArrayList<>();
  private volatile String state = "new";
  private volatile String latest;
  private Adapter adapter; // what is served now; guarded by this

  Customer(String name, Path folder) throws IOException {
    this.name = name;
    this.folder = Files.createDirectories(folder);
  }

  String state() {
    return state;
  }

  Path rows() {
    return folder.resolve("rows.jsonl");
  }

  /** Takes rows for the next training. */
  void put(byte[] rows, long steps) throws IOException {
    Path part = folder.resolve("rows.part");
    Files.write(part, rows);
    Files.writeString(folder.resolve("steps"), Long.toString(steps));
    Json.deleteFolder(folder.resolve("run"));
    Files.move(part, rows(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    latest = null;
    state = "queued";
  }

  /** Puts what is on disk to service. Gives whether a training was cut. */
  boolean wake(Model model) throws IOException {
    Path saved = folder.resolve("adapter");
    if (Files.exists(saved.resolve("adapter_config.json"))) {
      swap(model.loadAdapter(name + "-0", saved, new AdapterOptions().trainable(false)));
      state = "ready";
    }
    if (!Files.exists(rows())) return false;
    state = "queued";
    return true;
  }

  /** A session that speaks with the adapter of now; one that is swapped meanwhile lives until the session ends. */
  synchronized Session session(Model model) {
    return model.session(adapter == null ? null : new SessionOptions().adapters(adapter));
  }

  private synchronized void swap(Adapter next) {
    if (adapter != null) {
      adapter.detach();
      adapter.close();
    }
    adapter = next;
  }

  /** Trains on the rows, from the newest checkpoint if there is one. */
  void train(Context context, Model model, Cancel cancel) {
    Adapter made = null;
    try {
      long steps = Long.parseLong(Files.readString(folder.resolve("steps")).trim());
      made = model.attachLora(name + "-" + System.nanoTime(), new LoraConfig().r(8).loraAlpha(16));
      TrainerOptions options =
          new TrainerOptions().batchSize(2).gradientAccumulationSteps(1).learningRate(5e-3).maxSteps(steps)
              .outputDir(folder.resolve("run")).saveSteps(Math.max(1, steps / 10));
      Tokenizer tokenizer = model.info().hasTokenizer() ? model.tokenizer() : null;
      try (tokenizer;
          Dataset data = Dataset.fromFile(context, tokenizer, rows(), null);
          Trainer trainer = model.trainer(made, data, options)) {
        state = "training";
        resume(trainer);
        run(trainer, cancel);
      }
      made.save(folder.resolve("adapter"));
      Files.delete(rows());
      swap(made);
      state = "ready";
      say("done", Map.of("customer", name));
    } catch (PeftException e) {
      abandon(made);
      state = e.code() == Status.CANCELLED ? "queued" : "failed";
      say("failed", Map.of("code", Libpeft.statusName(e.code()), "message", e.getMessage()));
    } catch (IOException | RuntimeException e) {
      abandon(made);
      state = "failed";
      say("failed", Map.of("message", String.valueOf(e)));
    } finally {
      for (BlockingQueue<String> follower : followers) follower.add(END);
    }
  }

  /** A polite stop leaves a checkpoint of the step where it stands. */
  private void run(Trainer trainer, Cancel cancel) {
    try {
      trainer.run(this::tell, cancel);
    } catch (PeftException e) {
      if (e.code() == Status.CANCELLED && trainer.info().step() > 0) trainer.checkpoint(null, null);
      throw e;
    }
  }

  private void resume(Trainer trainer) {
    try {
      trainer.resume(null);
      System.out.println(name + ": on from step " + trainer.info().step());
      say("resumed", Map.of("step", trainer.info().step()));
    } catch (PeftException e) {
      if (e.code() != Status.NOT_FOUND) throw e; // no checkpoint: from the beginning
    }
  }

  private static void abandon(Adapter made) {
    if (made == null) return;
    made.detach();
    made.close();
  }

  private void tell(TrainingEvent event) {
    switch (event.kind()) {
      case STEP ->
          say("step", Map.of("step", event.step(), "of", event.totalSteps(), "loss", event.loss()));
      case CHECKPOINT -> say("checkpoint", Map.of("step", event.step()));
      default -> {}
    }
  }

  private void say(String event, Map<String, Object> figures) {
    String text = "event: " + event + "\ndata: " + Json.object(figures) + "\n\n";
    latest = text;
    for (BlockingQueue<String> follower : followers) follower.add(text);
  }

  /** Hands every event from now on to a listener, until the training ends or the listener fails. */
  void follow(java.util.function.Consumer<String> listener) throws InterruptedException {
    BlockingQueue<String> queue = new LinkedBlockingQueue<>();
    followers.add(queue);
    try {
      if (latest != null) listener.accept(latest);
      if (state.equals("ready") || state.equals("failed") || state.equals("new")) return;
      for (String event = queue.take(); !event.equals(END); event = queue.take()) listener.accept(event);
    } catch (UncheckedIOException e) {
      return; // the listener went away
    } finally {
      followers.remove(queue);
    }
  }
}
