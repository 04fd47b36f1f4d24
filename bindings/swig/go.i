/* Go: generated functions give the outcome of the call: a status, or minus the address of a failure that the same
 * native call made (peft_failure_code, _text, _size, _free); SWIG itself could only panic, past C++ destructors. Text
 * is string, numbers are slices; both cross without a copy.
 *   swig -c++ -go -cgo -intgosize 64 -package native -I<include> -outdir ... -o wrap.cxx go.i */
%module(directors="0") native
%include "errors.i"
%include "strings.i"
%include "arrays.i"
%include <typemaps.i>

/* The outcome: a status below 4096, or the address of the remark of a PEFT_NOTE, or minus that of a failure. */
%typemap(gotype) peft_status "int64"
%typemap(out) peft_status "$result = peft_swig::outcome($1);"
%typemap(gotype) peft_status status "int32"
%typemap(in) peft_status status "$1 = static_cast<peft_status>($input);"

%{
namespace peft_swig {

/* A Go string as a NUL-terminated text; one with NUL inside is refused by giving a text that no call takes. */
class GoName {
 public:
  const char *read(_gostring_ text) {
    text_.assign(text.p ? text.p : "", text.p ? static_cast<size_t>(text.n) : 0);
    return text_.c_str();
  }

 private:
  std::string text_;
};

}  // namespace peft_swig
%}

/* Names, paths, settings. The empty string is "", not NULL: leave a setting alone for its default. The facade
 * refuses NUL, which would cut the text. */
%typemap(gotype) const char *, char [ANY] "string"
%typemap(in) const char * (peft_swig::GoName held) "$1 = const_cast<$1_ltype>(held.read($input));"
%typemap(freearg) const char * ""
%typemap(argout) const char * ""
%typemap(out, fragment="AllocateString") const char * %{
  $result = Swig_AllocateString($1 ? $1 : "", $1 ? strlen($1) : 0);
%}
%typemap(out, fragment="AllocateString") char [ANY] %{
  $result = Swig_AllocateString($1, strnlen($1, $1_dim0));
%}
%typemap(memberin) char [ANY] ""
%immutable peft_device_info::id;
%immutable peft_device_info::name;
%immutable peft_device_info::capabilities;
%immutable peft_model_info::family;
%immutable peft_model_info::device;
%immutable peft_module_info::kind;
%immutable peft_tokenizer_info::kind;
%immutable peft_tokenizer_info::pre_tokenizer;
%immutable peft_dataset_info::summary;
%immutable peft_adapter_info::method;

/* A path that may be NULL: "" means NULL. */
%typemap(in) const char *path (peft_swig::GoName held) %{
  $1 = const_cast<$1_ltype>($input.n ? held.read($input) : nullptr);
%}

%typemap(gotype) (const char *text, size_t text_len), (const char *json, size_t json_len) "string"
%typemap(in) (const char *text, size_t text_len), (const char *json, size_t json_len) %{
  $1 = const_cast<$1_ltype>($input.p);
  $2 = static_cast<size_t>($input.n);
%}
%typemap(freearg) (const char *text, size_t text_len), (const char *json, size_t json_len) ""
%typemap(argout) (const char *text, size_t text_len), (const char *json, size_t json_len) ""

%typemap(gotype) (const int32_t *data, size_t n), (const int32_t *ids, size_t id_count),
                 (const int32_t *labels, size_t label_count) "[]int32"
%typemap(in) (const int32_t *data, size_t n), (const int32_t *ids, size_t id_count),
             (const int32_t *labels, size_t label_count) %{
  $1 = static_cast<$1_ltype>($input.array);
  $2 = static_cast<size_t>($input.len);
%}
%typemap(freearg) (const int32_t *data, size_t n), (const int32_t *ids, size_t id_count),
                  (const int32_t *labels, size_t label_count) ""
%typemap(argout) (const int32_t *data, size_t n), (const int32_t *ids, size_t id_count),
                 (const int32_t *labels, size_t label_count) ""

/* Floats go into the caller's slice; their number is known beforehand. nil: not wanted. */
%typemap(gotype) (float *data, size_t cap, size_t *len), (float *values, size_t cap, size_t *len) "[]float32"
%typemap(in) (float *data, size_t cap, size_t *len), (float *values, size_t cap, size_t *len) %{
  $1 = static_cast<float *>($input.array);
  $2 = static_cast<size_t>($input.len);
  $3 = nullptr;
%}
%typemap(freearg) (float *data, size_t cap, size_t *len), (float *values, size_t cap, size_t *len) ""
%typemap(argout) (float *data, size_t cap, size_t *len), (float *values, size_t cap, size_t *len) ""
/* A PeftBuffer, as what its Swigcptr() gives; 0: not wanted. Rows and sized structures go the same way. */
%typemap(gotype) (char *buf, size_t cap, size_t *len), (int32_t *data, size_t cap, size_t *len) "uintptr"

/* Scalars and handles that come back: slices of length 1. */
%define PEFT_SCALAR(type, parameter, go_type)
%typemap(gotype) type *parameter #go_type
%typemap(in) type *parameter (type held = type()) "$1 = &held;"
%typemap(argout) type *parameter %{
  if ($input.len > 0) *static_cast<type *>($input.array) = held$argnum;
%}
%typemap(freearg) type *parameter ""
%enddef
PEFT_SCALAR(double, fraction, []float64)
PEFT_SCALAR(int32_t, count, []int32)
PEFT_SCALAR(int32_t, token_id, []int32)
%typemap(gotype) peft_log_level *level "[]int32"
%typemap(in) peft_log_level *level (peft_log_level held = PEFT_LOG_OFF) "$1 = &held;"
%typemap(argout) peft_log_level *level %{
  if ($input.len > 0) *static_cast<int32_t *>($input.array) = held$argnum;
%}
%typemap(freearg) peft_log_level *level ""

%define PEFT_HANDLE(name)
%typemap(gotype) name *, const name * "int64"
%typemap(in) name *, const name * "$1 = reinterpret_cast<$1_ltype>(static_cast<intptr_t>($input));"
%typemap(out) name *, const name * "$result = static_cast<long long>(reinterpret_cast<intptr_t>($1));"
%typemap(gotype) name **out "[]int64"
%typemap(in) name **out (name *made = nullptr) "$1 = &made;"
%typemap(argout) name **out %{
  if ($input.len > 0) *static_cast<int64_t *>($input.array) = reinterpret_cast<intptr_t>(made$argnum);
%}
%typemap(freearg) name **out ""
%enddef

%define PEFT_SIZED(name)
%typemap(gotype) (name *options, size_t size), (name *config, size_t size) "uintptr"
%typemap(in) (name *options, size_t size), (name *config, size_t size) %{
  $1 = reinterpret_cast<name *>($input);
  $2 = sizeof(name);
%}
%enddef

%define PEFT_ROWS
%typemap(gotype) (const peft_row *rows, size_t n) "uintptr"
%typemap(in) (const peft_row *rows, size_t n) %{
  $1 = const_cast<$1_ltype>($input ? reinterpret_cast<PeftRows *>($input)->data() : nullptr);
  $2 = $input ? static_cast<size_t>(reinterpret_cast<PeftRows *>($input)->count()) : 0;
%}
%enddef

%include "peft.i"
