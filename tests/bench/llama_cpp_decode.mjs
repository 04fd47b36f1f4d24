// Greedy decode of llama.cpp on two threads: node llama_cpp_decode.mjs MODEL.gguf JOB.json
// JOB: {"prompt": token ids, "warm_up": n, "new_tokens": n, "threads": n}. Prints one JSON object.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

// The package lies in the benchmark's cached folder, not beside this file.
const require = createRequire(process.env.LLAMA_CPP_FOLDER + "/package.json");
const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")).href);

const [path, job] = [process.argv[2], JSON.parse(readFileSync(process.argv[3], "utf8"))];
const llama = await getLlama({gpu: false, build: "never", maxThreads: job.threads});
const started = performance.now();
const model = await llama.loadModel({modelPath: path});
const total = job.warm_up + job.new_tokens;
const context = await model.createContext({contextSize: job.prompt.length + total + 16, threads: job.threads});
const sequence = context.getSequence();
const tokens = [];
let firstAt = 0, from = 0, to = 0;
for await (const token of sequence.evaluate(job.prompt, {temperature: 0, yieldEogToken: true})) {
    tokens.push(token);
    if (tokens.length === 1) firstAt = performance.now();
    if (tokens.length === job.warm_up) from = performance.now();
    if (tokens.length === total) {
        to = performance.now();
        break;
    }
}
console.log(JSON.stringify({
    token_ids: tokens, tokens_per_second: job.new_tokens / ((to - from) / 1000),
    load_to_first_token_seconds: (firstAt - started) / 1000
}));
process.exit(0);
