#include "ops/attention.h"

#include "ops/support.h"

namespace peft {
namespace {

void check_options(std::string_view op, Context& context, const AttentionOptions& options, const Tensor& q,
                   const Tensor& segments) {
  check(options.heads > 0 && options.kv_heads > 0 && options.head_dim > 0 &&
            options.heads % options.kv_heads == 0 && options.window >= 0,
        Code::invalid_argument, "{}: {} heads over {} key heads of {}, window {}", op, options.heads,
        options.kv_heads, options.head_dim, options.window);
  check_activation(op, "q", context, q);
  check_size(op, "columns of q", int64_t{options.heads} * options.head_dim, q.columns());
  check_dtype(op, "segments", segments, DType::i32);
  check_size(op, "columns of segments", 4, segments.columns());
}

void check_keys(std::string_view op, Context& context, const Tensor& k, const Tensor& v) {
  check_activation(op, "k", context, k);
  check_same_type(op, "v", v, k);
  check_shape(op, "v", v, k.shape());
}

}  // namespace

Tensor attention(Context& context, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& segments,
                 const AttentionOptions& options) {
  check_options("attention", context, options, q, segments);
  check_keys("attention", context, k, v);
  check_same_type("attention", "k", k, q);
  check_size("attention", "columns of k", int64_t{options.kv_heads} * options.head_dim, k.columns());
  const bool records = recording(context, {&q, &k, &v});
  Backend& backend = context.backend();
  Tensor out = context.empty(q.shape(), q.dtype());
  Tensor lse = records ? context.empty(Shape{q.rows(), options.heads}) : Tensor();
  {
    Tensor scratch = context.scratch(backend.attention_scratch(options, q.shape(), k.shape(), q.dtype()));
    backend.attention(options, q.view(), k.view(), v.view(), segments.view(), out.view(), lse.view(),
                      scratch.view());
  }
  if (!records) return out;

  record(context, "attention", out,
         [options, q_grad = q.grad(), k_grad = k.grad(), v_grad = v.grad(), q = q.detached(),
          k = k.detached(), v = v.detached(), segments = segments.detached(), out = out.detached(),
          lse = std::move(lse)](Context& c, const Tensor& dout) {
           Tensor dq = c.empty(q.shape(), q.dtype()), dk = c.empty(k.shape(), k.dtype()), dv = c.empty(v.shape(), v.dtype());
           {
             Tensor scratch =
                 c.scratch(c.backend().attention_backward_scratch(options, q.shape(), k.shape(), q.dtype()));
             c.backend().attention_backward(options, q.view(), k.view(), v.view(), segments.view(),
                                            out.view(), lse.view(), dout.view(), dq.view(), dk.view(),
                                            dv.view(), scratch.view());
           }
           if (q_grad) contribute(c, *q_grad, std::move(dq));
           if (k_grad) contribute(c, *k_grad, std::move(dk));
           if (v_grad) contribute(c, *v_grad, std::move(dv));
         });
  return out;
}

void write_pages(Context& context, const Tensor& k, const Tensor& v, const Tensor& page_table,
                 const Tensor& segments, const PageLayout& layout) {
  check_keys("write_pages", context, k, v);
  check_dtype("write_pages", "page table", page_table, DType::i64);
  check_dtype("write_pages", "segments", segments, DType::i32);
  check_size("write_pages", "rows of the page table", segments.rows(), page_table.rows());
  check(layout.page_tokens > 0, Code::invalid_argument, "write_pages: {} tokens a page", layout.page_tokens);
  context.backend().write_pages(layout, k.view(), v.view(), page_table.view(), segments.view());
}

Tensor attention_paged(Context& context, const Tensor& q, const Tensor& page_table, const Tensor& segments,
                       const AttentionOptions& options, const PageLayout& layout, int64_t maximum_keys) {
  check_options("attention_paged", context, options, q, segments);
  check_dtype("attention_paged", "page table", page_table, DType::i64);
  check_size("attention_paged", "rows of the page table", segments.rows(), page_table.rows());
  check(layout.page_tokens > 0 && maximum_keys >= 0 &&
            maximum_keys <= page_table.columns() * layout.page_tokens,
        Code::mismatch, "attention_paged: {} keys, found {} pages of {} tokens", maximum_keys,
        page_table.columns(), layout.page_tokens);
  check(!recording(context, {&q}), Code::state, "attention_paged: pages have no gradient");
  Backend& backend = context.backend();
  Tensor out = context.empty(q.shape(), q.dtype());
  Tensor scratch = context.scratch(backend.attention_paged_scratch(options, q.shape(), maximum_keys, q.dtype()));
  backend.attention_paged(options, layout, q.view(), page_table.view(), segments.view(), out.view(),
                          scratch.view());
  return out;
}

}  // namespace peft
