/* Java: exceptions are thrown from inside the failing native call; text is byte[] in UTF-8; arrays of numbers are plain
 * arrays, or direct buffers of native order, which cross without a copy.
 *   swig -c++ -java -package org.libpeft.swig -I<include> -outdir ... -o wrap.cpp java.i */
%module(directors="0") Peft
%include "errors.i"
%include "strings.i"
%include "arrays.i"
%include <typemaps.i>
%include <enumtypeunsafe.swg>

/* A typemap's signature with commas, handed on as one argument of a macro. */
%define %arg(ARG...)
ARG
%enddef

%pragma(java) jniclasscode=%{
  static { org.libpeft.NativeLibrary.load(); }
%}
%typemap(javafinalize) SWIGTYPE ""
%typemap(javainterfaces) SWIGTYPE "AutoCloseable"
%typemap(javacode) SWIGTYPE %{
  @Override
  public void close() {
    delete();
  }
%}

%{
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <unistd.h>

namespace peft_swig {

/* Calls under way. */
inline std::atomic<int> calls_inside{0};
struct Inside {
  Inside() { calls_inside.fetch_add(1, std::memory_order_relaxed); }
  ~Inside() { calls_inside.fetch_sub(1, std::memory_order_release); }
};

/* The JVM's exit destroys native libraries under daemon threads that still compute in them. Those threads cannot go
 * back to Java by then, so it is enough to wait for them; if that takes long, the rest of the exit is left out. */
inline void leave(int status, void*) {
  for (int i = 0; i < 2000 && calls_inside.load(std::memory_order_acquire) > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (calls_inside.load(std::memory_order_acquire) == 0) return;
  std::fflush(nullptr);
  _exit(status);
}

}  // namespace peft_swig
%}

/* Called by a shutdown hook: what is registered last runs first, before the destructors of the libraries below. */
%exception peft_java_watch_exit "$action"
%inline %{
void peft_java_watch_exit() { on_exit(peft_swig::leave, nullptr); }
%}

%{
namespace peft_swig {

/* Throws org.libpeft.PeftException; the native function must return at once. */
inline void raise(JNIEnv* jenv, int32_t code, const std::string& text) {
  jclass type = jenv->FindClass("org/libpeft/PeftException");
  if (!type) return;
  jmethodID make = jenv->GetStaticMethodID(type, "of", "(I[B)Lorg/libpeft/PeftException;");
  jbyteArray bytes = make ? jenv->NewByteArray(static_cast<jsize>(text.size())) : nullptr;
  if (!bytes) return;
  jenv->SetByteArrayRegion(bytes, 0, static_cast<jsize>(text.size()), reinterpret_cast<const jbyte*>(text.data()));
  jobject made = jenv->CallStaticObjectMethod(type, make, static_cast<jint>(code), bytes);
  if (!jenv->ExceptionCheck() && made) jenv->Throw(static_cast<jthrowable>(made));
}

/* Leaves the remark of a PEFT_NOTE with the Java thread, which may be on another native thread next time. */
inline void note(JNIEnv* jenv, const std::string& text) {
  jclass type = jenv->FindClass("org/libpeft/Remark");
  jmethodID keep = type ? jenv->GetStaticMethodID(type, "keep", "([B)V") : nullptr;
  jbyteArray bytes = keep ? jenv->NewByteArray(static_cast<jsize>(text.size())) : nullptr;
  if (!bytes) return;
  jenv->SetByteArrayRegion(bytes, 0, static_cast<jsize>(text.size()), reinterpret_cast<const jbyte*>(text.data()));
  jenv->CallStaticVoidMethod(type, keep, bytes);
  if (jenv->ExceptionCheck()) return; /* out of memory: it reaches the caller instead of the remark */
}

/* A byte[] for the length of a call. */
class Bytes {
 public:
  ~Bytes() {
    if (data_) jenv_->ReleaseByteArrayElements(array_, data_, JNI_ABORT);
  }
  bool read(JNIEnv* jenv, jbyteArray array) {
    jenv_ = jenv, array_ = array;
    if (!array) return true;
    size_ = static_cast<size_t>(jenv->GetArrayLength(array));
    data_ = jenv->GetByteArrayElements(array, nullptr);
    return data_ != nullptr;
  }
  const char* data() const { return reinterpret_cast<const char*>(data_); }
  size_t size() const { return size_; }

 private:
  JNIEnv* jenv_ = nullptr;
  jbyteArray array_ = nullptr;
  jbyte* data_ = nullptr;
  size_t size_ = 0;
};

/* A byte[] as a NUL-terminated text. */
class Name {
 public:
  bool read(JNIEnv* jenv, jbyteArray array) {
    if (!array) return true;
    text_.resize(static_cast<size_t>(jenv->GetArrayLength(array)));
    jenv->GetByteArrayRegion(array, 0, static_cast<jsize>(text_.size()), reinterpret_cast<jbyte*>(&text_[0]));
    there_ = true;
    if (text_.find('\0') == std::string::npos) return true;
    raise(jenv, PEFT_E_INVALID_ARGUMENT, "a name, path or setting holds NUL");
    return false;
  }
  const char* data() const { return there_ ? text_.c_str() : nullptr; }

 private:
  std::string text_;
  bool there_ = false;
};

/* Direct buffers give their memory; the Java side sees to their type, order and position. */
inline bool direct(JNIEnv* jenv, jobject object, void** memory, size_t* count) {
  *memory = jenv->GetDirectBufferAddress(object);
  if (!*memory) return false;
  *count = static_cast<size_t>(jenv->GetDirectBufferCapacity(object));
  return true;
}

/* An int[] or a direct IntBuffer as input. */
class Integers {
 public:
  bool read(JNIEnv* jenv, jobject object) {
    void* memory = nullptr;
    if (!object) return true;
    if (direct(jenv, object, &memory, &size_)) {
      data_ = static_cast<const int32_t*>(memory);
      return true;
    }
    if (!jenv->IsInstanceOf(object, jenv->FindClass("[I"))) {
      raise(jenv, PEFT_E_INVALID_ARGUMENT, "expected int[] or a direct IntBuffer that is not empty");
      return false;
    }
    auto array = static_cast<jintArray>(object);
    copy_.resize(static_cast<size_t>(jenv->GetArrayLength(array)));
    jenv->GetIntArrayRegion(array, 0, static_cast<jsize>(copy_.size()), reinterpret_cast<jint*>(copy_.data()));
    data_ = copy_.data();
    size_ = copy_.size();
    return true;
  }
  const int32_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::vector<int32_t> copy_;
  const int32_t* data_ = nullptr;
  size_t size_ = 0;
};

inline jobject java_array(JNIEnv* jenv, const int32_t* data, size_t n) {
  jintArray array = jenv->NewIntArray(static_cast<jsize>(n));
  if (array) jenv->SetIntArrayRegion(array, 0, static_cast<jsize>(n), reinterpret_cast<const jint*>(data));
  return array;
}
inline jobject java_array(JNIEnv* jenv, const float* data, size_t n) {
  jfloatArray array = jenv->NewFloatArray(static_cast<jsize>(n));
  if (array) jenv->SetFloatArrayRegion(array, 0, static_cast<jsize>(n), data);
  return array;
}
inline jobject java_array(JNIEnv* jenv, const char* data, size_t n) {
  jbyteArray array = jenv->NewByteArray(static_cast<jsize>(n));
  if (array) jenv->SetByteArrayRegion(array, 0, static_cast<jsize>(n), reinterpret_cast<const jbyte*>(data));
  return array;
}

/* Where an output goes: null = not wanted; a direct buffer = there, its limit becomes the end of it; an array of
 * arrays = a new array into its first place. */
template <typename T>
void begin_output(JNIEnv* jenv, jobject target, Output<T>& output, size_t** len) {
  void* memory = nullptr;
  size_t count = 0;
  *len = target ? output.size_pointer() : nullptr;
  if (!target) return output.borrow(nullptr, 0);
  if (direct(jenv, target, &memory, &count)) return output.borrow(static_cast<T*>(memory), count);
  output.own();
}
template <typename T>
void end_output(JNIEnv* jenv, jobject target, Output<T>& output) {
  if (!target) return;
  if (output.owns()) {
    jobject array = java_array(jenv, output.data(), output.size());
    if (array) jenv->SetObjectArrayElement(static_cast<jobjectArray>(target), 0, array);
    return;
  }
  jclass type = jenv->FindClass("java/nio/Buffer");
  jmethodID limit = jenv->GetMethodID(type, "limit", "(I)Ljava/nio/Buffer;");
  jenv->CallObjectMethod(target, limit, static_cast<jint>(output.size()));
  if (jenv->ExceptionCheck()) return;
}

}  // namespace peft_swig
%}

/* Results of calls. */
%typemap(jni) peft_status "jint"
%typemap(jtype) peft_status "int"
%typemap(jstype) peft_status "int"
%typemap(javaout) peft_status { return $jnicall; }
%typemap(in) peft_status "$1 = $input;"
%typemap(javain) peft_status "$javainput"
%typemap(out) peft_status %{
  if ($1 < 0) {
    peft_swig::raise(jenv, $1, peft_swig::message());
    return 0;
  }
  if ($1 == PEFT_NOTE) peft_swig::note(jenv, peft_swig::message());
  $result = $1;
%}

/* Names, paths, settings, static texts, and char arrays of structures. */
%typemap(jni) const char *, char [ANY] "jbyteArray"
%typemap(jtype) const char *, char [ANY] "byte[]"
%typemap(jstype) const char *, char [ANY] "byte[]"
%typemap(javain) const char * "$javainput"
%typemap(javaout) const char *, char [ANY] { return $jnicall; }
%typemap(in) const char * (peft_swig::Name held) %{
  if (!held.read(jenv, $input)) return $null;
  $1 = const_cast<$1_ltype>(held.data());
%}
%typemap(out) const char * %{
  $result = $1 ? static_cast<jbyteArray>(peft_swig::java_array(jenv, $1, strlen($1))) : nullptr;
%}
%typemap(out) char [ANY] %{
  $result = static_cast<jbyteArray>(peft_swig::java_array(jenv, $1, strnlen($1, $1_dim0)));
%}
%typemap(argout) const char * ""
%typemap(freearg) const char * ""
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

/* Text and JSON as bytes and a length. */
%typemap(jni) (const char *text, size_t text_len), (const char *json, size_t json_len) "jbyteArray"
%typemap(jtype) (const char *text, size_t text_len), (const char *json, size_t json_len) "byte[]"
%typemap(jstype) (const char *text, size_t text_len), (const char *json, size_t json_len) "byte[]"
%typemap(javain) (const char *text, size_t text_len), (const char *json, size_t json_len) "$javainput"
%typemap(in) (const char *text, size_t text_len) (peft_swig::Bytes held),
             (const char *json, size_t json_len) (peft_swig::Bytes held) %{
  if (!held.read(jenv, $input)) return $null;
  $1 = const_cast<$1_ltype>(held.data());
  $2 = held.size();
%}
%typemap(freearg) (const char *text, size_t text_len), (const char *json, size_t json_len) ""
%typemap(argout) (const char *text, size_t text_len), (const char *json, size_t json_len) ""

/* Token ids as input. */
%define PEFT_INTEGERS(signature)
%typemap(jni) signature "jobject"
%typemap(jtype) signature "Object"
%typemap(jstype) signature "Object"
%typemap(javain) signature "$javainput"
%typemap(in) signature (peft_swig::Integers held) %{
  if (!held.read(jenv, $input)) return $null;
  $1 = const_cast<$1_ltype>(held.data());
  $2 = held.size();
%}
%typemap(freearg) signature ""
%typemap(argout) signature ""
%enddef
PEFT_INTEGERS(%arg((const int32_t *data, size_t n)))
PEFT_INTEGERS(%arg((const int32_t *ids, size_t id_count)))
PEFT_INTEGERS(%arg((const int32_t *labels, size_t label_count)))

/* Outputs. */
%define PEFT_OUTPUT(signature, java_type)
%typemap(jni) signature "jobject"
%typemap(jtype) signature #java_type
%typemap(jstype) signature #java_type
%typemap(javain) signature "$javainput"
%typemap(in) signature %{
  peft_output.attach(&$1, &$2);
  peft_swig::begin_output(jenv, $input, peft_output, &$3);
%}
%typemap(argout) signature %{
  if (result == PEFT_OK) peft_swig::end_output(jenv, $input, peft_output);
%}
%typemap(freearg) signature ""
%enddef
PEFT_OUTPUT(%arg((char *buf, size_t cap, size_t *len)), byte[][])
PEFT_OUTPUT(%arg((int32_t *data, size_t cap, size_t *len)), Object)
PEFT_OUTPUT(%arg((float *data, size_t cap, size_t *len)), Object)
PEFT_OUTPUT(%arg((float *values, size_t cap, size_t *len)), Object)
%apply double *OUTPUT { double *fraction };
%apply int *OUTPUT { int32_t *count, int32_t *token_id };
%typemap(jni) peft_log_level *level "jintArray"
%typemap(jtype) peft_log_level *level "int[]"
%typemap(jstype) peft_log_level *level "int[]"
%typemap(javain) peft_log_level *level "$javainput"
%typemap(in) peft_log_level *level (peft_log_level held = PEFT_LOG_OFF) "$1 = &held;"
%typemap(argout) peft_log_level *level %{
  if ($input && jenv->GetArrayLength($input) > 0) {
    jint value = held$argnum;
    jenv->SetIntArrayRegion($input, 0, 1, &value);
  }
%}

%define PEFT_HANDLE(name)
%typemap(jni) name *, const name * "jlong"
%typemap(jtype) name *, const name * "long"
%typemap(jstype) name *, const name * "long"
%typemap(javain) name *, const name * "$javainput"
%typemap(javaout) name *, const name * { return $jnicall; }
%typemap(in) name *, const name * "$1 = reinterpret_cast<$1_ltype>(static_cast<intptr_t>($input));"
%typemap(out) name *, const name * "$result = static_cast<jlong>(reinterpret_cast<intptr_t>($1));"
%typemap(jni) name **out "jlongArray"
%typemap(jtype) name **out "long[]"
%typemap(jstype) name **out "long[]"
%typemap(javain) name **out "$javainput"
%typemap(in) name **out (name *made = nullptr) %{
  if (!$input || jenv->GetArrayLength($input) < 1) {
    peft_swig::raise(jenv, PEFT_E_INVALID_ARGUMENT, "expected long[1]");
    return $null;
  }
  $1 = &made;
%}
%typemap(argout) name **out %{
  jlong value$argnum = static_cast<jlong>(reinterpret_cast<intptr_t>(made$argnum));
  jenv->SetLongArrayRegion($input, 0, 1, &value$argnum);
%}
%enddef

/* A structure tells its size by itself. */
%define PEFT_SIZED(name)
%typemap(in) (name *options, size_t size), (name *config, size_t size) %{
  $1 = *reinterpret_cast<name **>(&$input);
  $2 = sizeof(name);
%}
%typemap(jni) (name *options, size_t size), (name *config, size_t size) "jlong"
%typemap(jtype) (name *options, size_t size), (name *config, size_t size) "long"
%typemap(jstype) (name *options, size_t size), (name *config, size_t size) "name"
%typemap(javain) (name *options, size_t size), (name *config, size_t size) "name.getCPtr($javainput)"
%enddef

%define PEFT_ROWS
%typemap(in) (const peft_row *rows, size_t n) %{
  if (!$input) {
    peft_swig::raise(jenv, PEFT_E_INVALID_ARGUMENT, "expected rows");
    return $null;
  }
  $1 = const_cast<$1_ltype>((*reinterpret_cast<PeftRows **>(&$input))->data());
  $2 = static_cast<size_t>((*reinterpret_cast<PeftRows **>(&$input))->count());
%}
%typemap(jni) (const peft_row *rows, size_t n) "jlong"
%typemap(jtype) (const peft_row *rows, size_t n) "long"
%typemap(jstype) (const peft_row *rows, size_t n) "PeftRows"
%typemap(javain) (const peft_row *rows, size_t n) "PeftRows.getCPtr($javainput)"
%enddef

%include "peft.i"
