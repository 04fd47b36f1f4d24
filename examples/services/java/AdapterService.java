import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.libpeft.*;

/**
 * One base model in memory, one adapter for each customer: takes rows, fine-tunes, reports progress, answers.
 *
 * <pre>
 *   POST /customers/NAME/rows?steps=60   rows as JSONL; the training begins when its turn comes
 *   GET  /customers/NAME/events          its progress as server-sent events
 *   POST /customers/NAME/generate        the prompt: text, a JSON array of messages, or token ids; the answer streamed
 *   GET  /customers                      who is there, and how far
 * </pre>
 */
public final class AdapterService {
  private static final int MAX_BODY = 16 << 20;

  private final Context context = new Context();
  private final Model model;
  private final Path data;
  private final Map<String, Customer> customers = new ConcurrentHashMap<>();
  private final ExecutorService trainings = Executors.newSingleThreadExecutor(); // one after the other
  private final ExecutorService requests = Executors.newFixedThreadPool(16);
  private final Cancel stop = new Cancel();

  private AdapterService(Path model, Path data) throws IOException {
    this.model = context.loadModel(model);
    this.data = Files.createDirectories(data);
    try (Stream<Path> folders = Files.list(data)) {
      for (Path folder : folders.filter(Files::isDirectory).toList()) {
        Customer customer = customer(folder.getFileName().toString());
        if (customer.wake(this.model)) enqueue(customer);
      }
    }
  }

  private Customer customer(String name) throws IOException {
    if (!name.matches("[a-z0-9_-]{1,40}")) throw new IllegalArgumentException("a name is 1 to 40 of a-z 0-9 _ -");
    Customer there = customers.get(name);
    if (there != null) return there;
    customers.putIfAbsent(name, new Customer(name, data.resolve(name)));
    return customers.get(name);
  }

  private void enqueue(Customer customer) {
    trainings.submit(() -> customer.train(context, model, stop));
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      try {
        route(exchange);
      } catch (PeftException e) {
        int status = e.code() == Status.INTERNAL ? 500 : 400;
        answer(exchange, status, Map.of("code", Libpeft.statusName(e.code()), "error", e.getMessage()));
      } catch (IllegalArgumentException e) {
        answer(exchange, 400, Map.of("error", String.valueOf(e.getMessage())));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void route(HttpExchange exchange) throws IOException, InterruptedException {
    String[] path = exchange.getRequestURI().getPath().split("/");
    String what = exchange.getRequestMethod() + " " + (path.length == 4 ? path[3] : "");
    if (path.length == 2 && exchange.getRequestMethod().equals("GET")) list(exchange);
    else if (what.equals("POST rows")) rows(exchange, customer(path[2]));
    else if (what.equals("GET events")) events(exchange, known(path[2]));
    else if (what.equals("POST generate")) generate(exchange, customers.get(path[2]));
    else answer(exchange, 404, Map.of("error", "no such thing"));
  }

  private Customer known(String name) {
    Customer there = customers.get(name);
    if (there == null) throw new IllegalArgumentException("there is no customer " + name);
    return there;
  }

  private void list(HttpExchange exchange) throws IOException {
    Map<String, Object> states = new LinkedHashMap<>();
    new TreeMap<>(customers).forEach((name, customer) -> states.put(name, customer.state()));
    answer(exchange, 200, states);
  }

  private static byte[] body(HttpExchange exchange) throws IOException {
    byte[] bytes = exchange.getRequestBody().readNBytes(MAX_BODY + 1);
    if (bytes.length > MAX_BODY) throw new IllegalArgumentException("more than " + MAX_BODY + " bytes");
    return bytes;
  }

  private static long parameter(HttpExchange exchange, String name, long fallback, long most) {
    String query = exchange.getRequestURI().getQuery();
    for (String part : query == null ? new String[0] : query.split("&"))
      if (part.startsWith(name + "=")) {
        long value = Long.parseLong(part.substring(name.length() + 1));
        if (value < 1 || value > most) throw new IllegalArgumentException(name + " is 1 to " + most);
        return value;
      }
    return fallback;
  }

  private void rows(HttpExchange exchange, Customer customer) throws IOException {
    byte[] rows = body(exchange);
    long steps = parameter(exchange, "steps", 60, 1_000_000);
    // Rows that cannot be used are refused now, not when their turn comes.
    Tokenizer tokenizer = model.info().hasTokenizer() ? model.tokenizer() : null;
    try (tokenizer;
        Dataset checked = Dataset.fromText(context, tokenizer, new String(rows, StandardCharsets.UTF_8), null)) {
      synchronized (customer) {
        if (customer.state().equals("queued") || customer.state().equals("training"))
          throw new IllegalArgumentException("a training is under way");
        customer.put(rows, steps);
      }
      enqueue(customer);
      answer(exchange, 202, Map.of("state", "queued", "rows", checked.info().rows()));
    }
  }

  private static void events(HttpExchange exchange, Customer customer) throws IOException, InterruptedException {
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.sendResponseHeaders(200, 0);
    OutputStream out = exchange.getResponseBody();
    customer.follow(event -> write(out, event));
  }

  private static void write(OutputStream out, String text) {
    try {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Without a customer of that name the base model answers. */
  private void generate(HttpExchange exchange, Customer customer) throws IOException {
    String prompt = new String(body(exchange), StandardCharsets.UTF_8);
    String type = String.valueOf(exchange.getRequestHeaders().getFirst("Content-Type"));
    boolean ids = type.startsWith("application/x-token-ids");
    try (Session session = customer == null ? model.session(null) : customer.session(model)) {
      session.setSampling(new SamplingOptions().maxNewTokens(parameter(exchange, "tokens", 64, 4096)).ignoreEos(ids));
      if (ids) session.prefill(Arrays.stream(prompt.trim().split("\\s+")).mapToInt(Integer::parseInt).toArray(), null);
      else if (type.startsWith("application/json")) session.prefillChat(prompt, null);
      else session.prefillText(prompt, null);
      exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
      exchange.sendResponseHeaders(200, 0);
      for (Piece piece : session) write(exchange.getResponseBody(), ids ? piece.tokenId() + " " : piece.text());
    } catch (UncheckedIOException e) {
      return; // the customer went away
    }
  }

  /** Nothing where an answer has already begun: a stream that broke off ends without its last chunk. */
  private static void answer(HttpExchange exchange, int status, Map<String, Object> entries) throws IOException {
    if (exchange.getResponseCode() >= 0) return;
    byte[] bytes = (Json.object(entries) + "\n").getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  /** Ends the training at the end of its step; its checkpoints stay for the next start. */
  private void close(HttpServer server) {
    stop.signal();
    trainings.shutdown();
    requests.shutdownNow();
    try {
      trainings.awaitTermination(30, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    server.stop(0);
  }

  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 3) {
      System.err.println("usage: AdapterService MODEL DATA_FOLDER PORT");
      System.exit(2);
    }
    AdapterService service = new AdapterService(Path.of(arguments[0]), Path.of(arguments[1]));
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[2]));
    HttpServer server = HttpServer.create(address, 0);
    server.createContext("/customers", service::handle);
    server.setExecutor(service.requests);
    server.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> service.close(server)));
    System.out.println("listening on http://127.0.0.1:" + server.getAddress().getPort());
  }
}
