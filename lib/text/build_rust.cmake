# Builds the crate: cmake -DCARGO= -DCRATE= -DTARGET= -DARCHIVE= -DALLOCATION_HOOK= -P build_rust.cmake
# Exactly what Cargo.lock says; from the local store without the network where everything is there already.

set(options --locked --manifest-path "${CRATE}/Cargo.toml")
execute_process(COMMAND "${CARGO}" fetch --offline ${options}
  RESULT_VARIABLE missing OUTPUT_QUIET ERROR_QUIET)
if(NOT missing)
  list(APPEND options --offline)
endif()
if(ALLOCATION_HOOK)
  set(ENV{RUSTC_BOOTSTRAP} peft_text_rust)
  list(APPEND options --features allocation-hook)
endif()
# Paths of the building machine stay out of the messages inside.
set(ENV{RUSTFLAGS}
  "$ENV{RUSTFLAGS} --remap-path-prefix=$ENV{HOME}= --remap-path-prefix=${CRATE}=lib/text/rust")
execute_process(COMMAND "${CARGO}" build --release --quiet --target-dir "${TARGET}" ${options}
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "cargo build failed in ${CRATE}")
endif()
file(TOUCH "${ARCHIVE}")
