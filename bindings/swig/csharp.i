/* C#: generated functions give the status and throw Libpeft.PeftException(int code, string message), made from what the
 * same native call returned: no delegate that generated code registers, as IL2CPP needs it. Text is pointers to UTF-8, or
 * string for names and settings; numbers are pointers to pinned memory. Callbacks are the facade's static functions.
 *   swig -c++ -csharp -namespace Libpeft.Native -dllimport peft_csharp -DSWIG_CSHARP_NO_EXCEPTION_HELPER
 *        -DSWIG_CSHARP_NO_STRING_HELPER -I<include> -outdir ... -o wrap.cpp csharp.i */
%module(directors="0") PeftNative
#pragma SWIG nowarn=844 /* failures are thrown by Outcome, not by generated exception code */
%{
#define SWIG_CSHARP_NO_EXCEPTION_HELPER
#define SWIG_CSHARP_NO_STRING_HELPER
%}
%include "errors.i"
%include "strings.i"
%include "arrays.i"
%include <enumsimple.swg>
%csconst(1);

/* Generated code asks this after calls; nothing is ever pending, since failures come back with the call. */
%pragma(csharp) imclasscode=%{
  internal static class SWIGPendingException {
    internal static readonly bool Pending = false;
    internal static System.Exception Retrieve() { return null; }
  }
%}

%pragma(csharp) moduleclassmodifiers="internal class"
%typemap(csclassmodifiers) SWIGTYPE, enum SWIGTYPE "internal class"
%typemap(csclassmodifiers) enum SWIGTYPE "internal enum"

/* A structure names objects by bare handles: what it was made from lives at least as long. */
%typemap(cscode) SWIGTYPE %{
  internal object Held { get; set; }
%}

%pragma(csharp) modulecode=%{
  /* Statuses are small; anything else is the address of a failure, or of the remark of a PEFT_NOTE. */
  internal static int Outcome(long value) {
    if (value >= 0 && value < 4096) return (int)value;
    long address = value < 0 ? -value : value;
    int code = peft_failure_code(address);
    byte[] text = new byte[peft_failure_size(address)];
    System.Runtime.InteropServices.Marshal.Copy((System.IntPtr)peft_failure_text(address), text, 0, text.Length);
    peft_failure_free(address);
    string message = System.Text.Encoding.UTF8.GetString(text);
    if (code == PEFT_E_CANCELLED) throw new Libpeft.PeftCanceledException(message);
    if (code < 0) throw new Libpeft.PeftException((Libpeft.Status)code, message);
    Remark = message;
    return code;
  }

  /* What the last PEFT_NOTE on this thread said. */
  [System.ThreadStatic] internal static string Remark;

  static readonly System.Text.UTF8Encoding Strict = new System.Text.UTF8Encoding(false, true);

  /* A name, path or setting with its final NUL. */
  internal static byte[] Name(string text) {
    if (text == null) return null;
    if (text.IndexOf('\0') >= 0)
      throw new Libpeft.PeftException(Libpeft.Status.InvalidArgument, "a name, path or setting holds NUL");
    try {
      byte[] bytes = new byte[Strict.GetByteCount(text) + 1];
      Strict.GetBytes(text, 0, text.Length, bytes, 0);
      return bytes;
    } catch (System.Text.EncoderFallbackException) {
      throw new Libpeft.PeftException(Libpeft.Status.InvalidArgument,
                                      "the text holds a surrogate without its other half");
    }
  }

  internal static string Text(System.IntPtr utf8) {
    if (utf8 == System.IntPtr.Zero) return null;
    int size = 0;
    while (System.Runtime.InteropServices.Marshal.ReadByte(utf8, size) != 0) size++;
    byte[] bytes = new byte[size];
    System.Runtime.InteropServices.Marshal.Copy(utf8, bytes, 0, size);
    return System.Text.Encoding.UTF8.GetString(bytes);
  }
%}

%typemap(ctype) peft_status "long long"
%typemap(imtype) peft_status "long"
%typemap(cstype) peft_status "int"
%typemap(out) peft_status "$result = peft_swig::outcome($1);"
%typemap(in) peft_status "$1 = static_cast<peft_status>($input);"
%typemap(csin) peft_status "$csinput"
%typemap(csout, excode="") peft_status { return PeftNative.Outcome($imcall); }

/* Names, paths, settings, static texts and fields. */
%typemap(ctype, out="void *") const char *, char [ANY] "char *"
%typemap(imtype, out="System.IntPtr") const char *, char [ANY] "byte[]"
%typemap(cstype) const char *, char [ANY] "string"
%typemap(in) const char * "$1 = $input;"
%typemap(csin) const char *, char [ANY] "PeftNative.Name($csinput)"
%typemap(out) const char * "$result = const_cast<char *>($1);"
%typemap(out) char [ANY] "$result = $1;"
%typemap(csout, excode="") const char *, char [ANY] { return PeftNative.Text($imcall); }
%typemap(csvarin, excode="") const char * %{
    set { $imcall; } %}
%typemap(csvarout, excode="") const char *, char [ANY] %{
    get { return PeftNative.Text($imcall); } %}
%typemap(memberin) char [ANY] ""
%typemap(freearg) const char * ""
%typemap(argout) const char * ""
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

/* Memory of the caller's, pinned for the call. */
%define PEFT_POINTER(signature)
%typemap(ctype) signature "void *"
%typemap(imtype) signature "System.IntPtr"
%typemap(cstype) signature "System.IntPtr"
%typemap(csin) signature "$csinput"
%typemap(in) signature "$1 = static_cast<$1_ltype>($input);"
%typemap(freearg) signature ""
%typemap(argout) signature ""
%enddef
PEFT_POINTER(const char *text)
PEFT_POINTER(const char *json)
PEFT_POINTER(const int32_t *data)
PEFT_POINTER(const int32_t *ids)
PEFT_POINTER(const int32_t *labels)
PEFT_POINTER(float *data)
PEFT_POINTER(float *values)
%typemap(ctype) size_t "long long"
%typemap(imtype) size_t "long"
%typemap(cstype) size_t "long"
%typemap(csin) size_t "$csinput"
%typemap(in) size_t "$1 = static_cast<size_t>($input);"
%typemap(ctype) size_t *len "long long *"
%typemap(imtype) size_t *len "out long"
%typemap(cstype) size_t *len "out long"
%typemap(csin) size_t *len "out $csinput"
%typemap(in) size_t *len (size_t held = 0) "$1 = &held;"
%typemap(argout) size_t *len "*$input = static_cast<long long>(held$argnum);"
%typemap(ctype) (char *buf, size_t cap, size_t *len), (int32_t *data, size_t cap, size_t *len) "void *"
%typemap(imtype) (char *buf, size_t cap, size_t *len), (int32_t *data, size_t cap, size_t *len)
  "System.Runtime.InteropServices.HandleRef"
%typemap(cstype) (char *buf, size_t cap, size_t *len), (int32_t *data, size_t cap, size_t *len) "PeftBuffer"
%typemap(csin) (char *buf, size_t cap, size_t *len), (int32_t *data, size_t cap, size_t *len)
  "PeftBuffer.getCPtr($csinput)"

%include <typemaps.i>
%apply double *OUTPUT { double *fraction };
%apply int *OUTPUT { int32_t *count, int32_t *token_id };
%typemap(ctype) peft_log_level *level "int *"
%typemap(imtype) peft_log_level *level "out int"
%typemap(cstype) peft_log_level *level "out int"
%typemap(csin) peft_log_level *level "out $csinput"
%typemap(in) peft_log_level *level (peft_log_level held = PEFT_LOG_OFF) "$1 = &held;"
%typemap(argout) peft_log_level *level "*$input = held$argnum;"

/* Handles are SafeHandles of the facade: held during a call, freed by whichever thread comes last. */
%define PEFT_HANDLE(name)
%typemap(ctype) name *, const name * "void *"
%typemap(imtype) name *, const name * "Libpeft.Native.Handles.name"
%typemap(cstype) name *, const name * "Libpeft.Native.Handles.name"
%typemap(csin) name *, const name * "($csinput ?? Libpeft.Native.Handles.name.None)"
%typemap(csvarin, excode="") name *, const name * %{
    set { $imcall; } %}
/* A field that was read would own what it does not: fields of this kind can only be set. */
%typemap(imtype, out="System.IntPtr") name *, const name * "Libpeft.Native.Handles.name"
%typemap(csvarout, excode="") name *, const name * ""
%typemap(in) name *, const name * "$1 = static_cast<$1_ltype>($input);"
%typemap(out) name *, const name * "$result = const_cast<name *>($1);"
%typemap(ctype) name **out "void **"
%typemap(imtype) name **out "out Libpeft.Native.Handles.name"
%typemap(cstype) name **out "out Libpeft.Native.Handles.name"
%typemap(csin) name **out "out $csinput"
%typemap(in) name **out (name *made = nullptr) "$1 = &made;"
%typemap(argout) name **out "*$input = made$argnum;"
%ignore name##_free;
%rename(name##_free) name##_release;
%inline %{
/* For the release of a SafeHandle, which has but the bare value. */
void name##_release(void *handle) { name##_free(static_cast<name *>(handle)); }
%}
%enddef
PEFT_POINTER(void *handle)

%define PEFT_SIZED(name)
%typemap(in) (name *options, size_t size), (name *config, size_t size) "$1 = static_cast<name *>($input); $2 = sizeof(name);"
%typemap(ctype) (name *options, size_t size), (name *config, size_t size) "void *"
%typemap(imtype) (name *options, size_t size), (name *config, size_t size)
  "System.Runtime.InteropServices.HandleRef"
%typemap(cstype) (name *options, size_t size), (name *config, size_t size) "name"
%typemap(csin) (name *options, size_t size), (name *config, size_t size) "name.getCPtr($csinput)"
%enddef

%define PEFT_ROWS
%typemap(in) (const peft_row *rows, size_t n) %{
  $1 = const_cast<$1_ltype>($input ? static_cast<PeftRows *>($input)->data() : nullptr);
  $2 = $input ? static_cast<size_t>(static_cast<PeftRows *>($input)->count()) : 0;
%}
%typemap(ctype) (const peft_row *rows, size_t n) "void *"
%typemap(imtype) (const peft_row *rows, size_t n) "System.Runtime.InteropServices.HandleRef"
%typemap(cstype) (const peft_row *rows, size_t n) "PeftRows"
%typemap(csin) (const peft_row *rows, size_t n) "PeftRows.getCPtr($csinput)"
%enddef

/* Callbacks: addresses of static functions, and a number by which they find what they belong to. */
PEFT_POINTER(void *called)
PEFT_POINTER(void *dropped)
PEFT_POINTER(void *state)

%ignore peft_trainer_run;
%ignore peft_log_set_callback;
%rename(peft_trainer_run) peft_trainer_run_with;
%rename(peft_log_set_callback) peft_log_set_callback_to;
%include "peft.i"

%inline %{
peft_status peft_trainer_run_with(peft_trainer *trainer, const peft_cancel *cancel, void *called, void *state) {
  return peft_trainer_run(trainer, cancel, reinterpret_cast<peft_train_fn>(called), state, nullptr);
}
peft_status peft_log_set_callback_to(void *called, void *state, void *dropped) {
  return peft_log_set_callback(reinterpret_cast<peft_log_fn>(called), state, reinterpret_cast<peft_drop_fn>(dropped));
}
%}
%extend peft_model_options {
  void set_progress(void *called, void *state) {
    $self->progress = reinterpret_cast<peft_progress_fn>(called);
    $self->user_data = state;
  }
}
