#include "nn/transformer.h"

#include <algorithm>
#include <array>

#include "autograd/checkpoint.h"
#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/views.h"

namespace peft {
namespace {

// The prompt hook of an adapter set; several at once have no defined order of tokens.
const PromptHook* prompt_of(const ActiveAdapters& active) {
  const PromptHook* found = nullptr;
  for (const auto& adapter : active.adapters) {
    const PromptHook* prompt = adapter->prompt();
    check(!found || !prompt, Code::unsupported, "two active adapters both put a prompt before the row");
    if (prompt) found = prompt;
  }
  return found;
}

// y holds the rows `ids` of an embedding, for all rows of the pass; adapters change those of their own rows.
Tensor apply_embedding_hooks(Pass& pass, int32_t module, std::span<const int32_t> ids, Tensor y) {
  const std::vector<Row>& rows = pass.rows().rows();
  for (const ActiveAdapters& active : pass.adapters()) {
    const Row& first = rows[static_cast<size_t>(active.first_row)];
    const Row& last = rows[static_cast<size_t>(active.first_row + active.row_count - 1)];
    const auto begin = static_cast<size_t>(first.begin), end = static_cast<size_t>(last.begin + last.length);
    for (const auto& adapter : active.adapters)
      if (const EmbeddingHook* hook = adapter->embedding(module))
        y = hook->forward(pass, ids.subspan(begin, end - begin), std::move(y), first.begin);
  }
  return y;
}

// Token embeddings with each row's prompt before it. `kept` receives, for every token of pass.ids(), its place among the
// activations.
Tensor embed(const Transformer& model, Pass& pass, std::vector<int32_t>& kept) {
  Context& context = pass.context();
  const auto& parameters = model.layout().parameters;
  const int32_t module = model.layout().module("embedding");
  const Module& table = model.module(module);
  const Tensor weight = pass.parameter(parameters[static_cast<size_t>(table.weight)], table.weight);
  const Tensor ids = context.from_host(pass.ids(), {static_cast<int64_t>(pass.ids().size())});
  Tensor x = apply_embedding_hooks(pass, module, pass.ids(), embedding(context, weight, ids));
  kept.resize(pass.ids().size());
  for (size_t i = 0; i < kept.size(); ++i) kept[i] = static_cast<int32_t>(i);

  std::vector<const PromptHook*> prompts(pass.rows().rows().size(), nullptr);
  bool any = false;
  for (const ActiveAdapters& active : pass.adapters()) {
    const PromptHook* prompt = prompt_of(active);
    for (int32_t r = active.first_row; prompt && r < active.first_row + active.row_count; ++r) {
      // A row that goes on from a cache got its prompt when it began.
      if (pass.rows().rows()[static_cast<size_t>(r)].position > 0) continue;
      prompts[static_cast<size_t>(r)] = prompt;
      any = true;
    }
  }
  if (!any) return x;

  std::map<const PromptHook*, Tensor> embeddings;
  std::vector<Tensor> parts;
  std::vector<Row> rows = pass.rows().rows();
  int32_t begin = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    const int32_t own = rows[r].begin, own_length = rows[r].length;
    int32_t added = 0;
    if (prompts[r]) {
      Tensor& prompt = embeddings[prompts[r]];
      if (!prompt) prompt = as_activation(context, prompts[r]->embeddings(pass), x.dtype());
      added = prompts[r]->length();
      parts.push_back(prompt);
    }
    parts.push_back(row_range(context, x, own, own_length));
    for (int32_t i = 0; i < own_length; ++i) kept[static_cast<size_t>(own + i)] = begin + added + i;
    rows[r].begin = begin;
    rows[r].length += added;
    begin += rows[r].length;
  }
  pass.replace_rows(RowMap(std::move(rows)));
  return concat_rows(context, parts);
}

// What kernels and hooks read of the rows, now that their lengths are final.
void place(const ModelSpec& spec, Pass& pass) {
  Context& context = pass.context();
  const std::vector<Row>& rows = pass.rows().rows();
  if (pass.cached()) {
    size_t pages = 0;
    for (size_t r = 0; r < rows.size(); ++r) {
      KvSequence& sequence = *pass.sequences()[r];
      PEFT_ASSERT(sequence.length() == rows[r].position);
      sequence.extend(rows[r].length);
      pages = std::max(pages, sequence.pages().size());
      pass.longest_key_count = std::max<int64_t>(pass.longest_key_count, sequence.length());
    }
    std::vector<int64_t> table(rows.size() * pages, 0);
    for (size_t r = 0; r < rows.size(); ++r)
      for (size_t p = 0; p < pass.sequences()[r]->pages().size(); ++p)
        table[r * pages + p] = reinterpret_cast<int64_t>(pass.sequences()[r]->pages()[p].const_view().data);
    pass.page_table =
        context.from_host(table, {static_cast<int64_t>(rows.size()), static_cast<int64_t>(pages)});
  }
  pass.device = pass.rows().upload(context, pass.cached());
  pass.placement.row_ids = pass.device.row_ids;
  pass.placement.spans.clear();
  for (const ActiveAdapters& active : pass.adapters()) {
    const Row& first = rows[static_cast<size_t>(active.first_row)];
    const Row& last = rows[static_cast<size_t>(active.first_row + active.row_count - 1)];
    pass.placement.spans.push_back({first.begin, last.begin + last.length - first.begin});
  }
  for (const SublayerSpec& sublayer : spec.decoder.sublayers)
    for (const BodySpec& body : sublayer.bodies)
      if (const auto* attention = std::get_if<AttentionSpec>(&body))
        if (attention->rope)
          pass.rope_table = pass.workspace().rope_table(*attention->rope, pass.rows().last_position() + 1);
}

Tensor add_positions(const Transformer& model, Pass& pass, Tensor x) {
  const int32_t module = model.layout().module("position");
  const Module& table = model.module(module);
  const auto& parameters = model.layout().parameters;
  check(pass.rows().last_position() < model.spec().learned_positions, Code::limit,
        "a row reaches position {}, the model has {} learned positions", pass.rows().last_position(),
        model.spec().learned_positions);
  const Tensor weight = pass.parameter(parameters[static_cast<size_t>(table.weight)], table.weight);
  std::vector<int32_t> positions;
  for (const Row& row : pass.rows().rows())
    for (int32_t i = 0; i < row.length; ++i) positions.push_back(row.position + i);
  Tensor embedded = embedding(pass.context(), weight, pass.device.positions);
  embedded = apply_embedding_hooks(pass, module, positions, std::move(embedded));
  return add(pass.context(), std::move(x), embedded);
}

Placement placement_of(const Pass& pass, Context& context, std::span<const int32_t> chosen) {
  Placement result;
  // Row ids of the chosen activations, gathered on the host: rows are few and known here.
  std::vector<int32_t> row_ids;
  row_ids.reserve(chosen.size() * 2);
  size_t r = 0;
  const std::vector<Row>& rows = pass.rows().rows();
  for (const int32_t at : chosen) {
    while (at >= rows[r].begin + rows[r].length) ++r;
    row_ids.push_back(rows[r].id);
    row_ids.push_back(rows[r].position + at - rows[r].begin);
  }
  result.row_ids = context.from_host(row_ids, {static_cast<int64_t>(chosen.size()), 2});
  for (const Placement::Span& span : pass.placement.spans) {
    const auto first = std::lower_bound(chosen.begin(), chosen.end(), static_cast<int32_t>(span.begin));
    const auto end = std::lower_bound(first, chosen.end(), static_cast<int32_t>(span.begin + span.count));
    result.spans.push_back({first - chosen.begin(), end - first});
  }
  return result;
}

}  // namespace

Placement Placement::row_range(int64_t begin, int64_t count) const {
  Placement result;
  result.row_ids = row_ids.row_range(begin, count);
  for (const Span& span : spans) {
    const int64_t first = std::max(span.begin, begin), end = std::min(span.begin + span.count, begin + count);
    result.spans.push_back({first - begin, std::max<int64_t>(end - first, 0)});
  }
  return result;
}

Transformer::Transformer(ModelSpec spec) : spec_(std::move(spec)), layout_(describe(spec_)) {
  blocks_ = bind_blocks(spec_, layout_);
  if (spec_.decoder.final_norm) final_norm_ = layout_.module("final_norm");
  head_group_ = module(layout_.module("head")).group;
}

bool Transformer::trains_at_or_below(const Pass& pass, int32_t layer) {
  for (const ActiveAdapters& active : pass.adapters())
    for (const auto& adapter : active.adapters)
      if (adapter->lowest_trained_layer() <= layer) return true;
  return false;
}

Hidden Transformer::forward(Pass& pass, std::span<const int32_t> wanted) const {
  Context& context = pass.context();
  std::vector<int32_t> kept;
  Tensor x = embed(*this, pass, kept);
  place(spec_, pass);
  if (spec_.learned_positions > 0) x = add_positions(*this, pass, std::move(x));
  for (const TransformerBlock& block : blocks_) {
    poll(context.cancel);
    if (pass.options().checkpoint_activations && context.tape) {
      const std::array inputs{x};
      x = Tensor();
      x = checkpoint(context, inputs, trains_at_or_below(pass, block.layer),
                     [this, &pass, &block](Context&, std::span<const Tensor> in) {
                       return run_block(*this, pass, block, in[0]);
                     },
                     pass.offload());
    } else {
      x = run_block(*this, pass, block, std::move(x));
    }
  }
  std::vector<int32_t> chosen(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) chosen[i] = kept[static_cast<size_t>(wanted[i])];
  Hidden hidden;
  hidden.placement = placement_of(pass, context, chosen);
  const bool all = static_cast<int64_t>(chosen.size()) == x.rows();
  hidden.states = all ? x : gather_rows(context, x, context.from_host(chosen, {static_cast<int64_t>(chosen.size())}));
  x = Tensor();
  if (spec_.decoder.final_norm)
    hidden.states = apply_norm(*this, pass, *spec_.decoder.final_norm, final_norm_, hidden.states);
  return hidden;
}

Tensor Transformer::logits(Pass& pass, const Hidden& hidden) const {
  const Placement before = pass.placement;
  pass.placement = hidden.placement;
  // Logits are f32 whatever the layers compute in: a probability has no use for 8 bits of it.
  const Tensor states = as_activation(pass.context(), hidden.states, DType::f32);
  Tensor result = apply_linear_group(*this, pass, head_group_, states).front();
  pass.placement = before;
  return result;
}

}  // namespace peft
