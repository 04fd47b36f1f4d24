use std::ffi::c_void;

use libpeft::*;

use crate::support::*;

fn code<T: std::fmt::Debug>(result: Result<T>) -> ErrorCode {
    let error = result.unwrap_err();
    assert!(!error.message().is_empty(), "{error:?}");
    error.code()
}

#[test]
fn kinds_that_a_program_meets() {
    let (context, mut model) = model();
    let folder = Folder::new();
    let adapter = lora(&model, "mine");
    let data = rows(&context);
    assert_eq!(code(Model::load(&context, "no/such/folder")), ErrorCode::NotFound);
    assert_eq!(code(Model::load(&context, "a\0b")), ErrorCode::InvalidArgument);
    assert_eq!(code(LoraConfig::new().r(-1).attach(&model, "x")), ErrorCode::InvalidArgument);
    assert_eq!(code(LoraConfig::new().attach(&model, "mine")), ErrorCode::State);
    assert_eq!(code(Adapter::attach(&model, "x", "{")), ErrorCode::Format);
    assert_eq!(code(Adapter::attach(&model, "x", r#"{"peft_type": "VERA"}"#)), ErrorCode::Unsupported);
    let other = Model::load(&context, llama()).unwrap();
    assert_eq!(code(Trainer::new(&other, &adapter, None)), ErrorCode::Mismatch);
    let _trainer = Trainer::new(&model, &adapter, Some(&data)).unwrap();
    assert_eq!(code(Trainer::new(&model, &adapter, Some(&data))), ErrorCode::Busy);
    assert_eq!(code(model.quantize_nf4(&QuantizeOptions::new())), ErrorCode::Busy);
    assert_eq!(code(ModelOptions::new().device("cuda:99").load(&context, llama())), ErrorCode::Device);
    std::fs::create_dir_all(folder.path("mine")).unwrap();
    std::fs::write(folder.path("mine/diary.txt"), "dear diary").unwrap();
    assert_eq!(code(model.save(folder.path("mine"))), ErrorCode::Refused);
    assert_eq!(code(adapter.save("/dev/null/adapter")), ErrorCode::Io);
    let small = ContextOptions::new().max_memory_bytes(1000).create().unwrap();
    assert_eq!(code(Model::load(&small, llama())), ErrorCode::OutOfMemory);
    let mut session = SessionOptions::new().context_length(4).create(&model).unwrap();
    assert_eq!(code(session.prefill(&IDS, &PrefillOptions::new())), ErrorCode::Limit);
    assert_eq!(code(session.prefill(&[-5], &PrefillOptions::new())), ErrorCode::InvalidArgument);
    let cancel = CancelToken::new().unwrap();
    cancel.cancel().unwrap();
    assert_eq!(code(ModelOptions::new().cancel(&cancel).load(&context, llama())), ErrorCode::Cancelled);
    assert_eq!(code(context.inspect(llama(), Some(&cancel))), ErrorCode::Cancelled);
    let failing = ModelOptions::new().load_with_progress(&context, llama(), |_| Flow::Fail);
    assert_eq!(code(failing), ErrorCode::Callback);
}

#[test]
fn too_many_steps_without_a_finite_loss() {
    let (context, model) = model();
    let mut huge = LoraConfig::new().r(1).lora_alpha(1e9).attach(&model, "overflow").unwrap();
    huge.set_scale(1e6).unwrap();
    let mut trainer = TrainerOptions::new()
        .max_steps(8)
        .learning_rate(1e6)
        .warmup_ratio(0)
        .max_grad_norm(0)
        .max_skipped_in_row(2)
        .create(&model, &huge, Some(&rows(&context)))
        .unwrap();
    let mut steps = trainer.steps();
    assert!(!steps.next().unwrap().unwrap().skipped);
    assert!(steps.next().unwrap().unwrap().skipped);
    assert!(steps.next().unwrap().unwrap().skipped);
    assert_eq!(code(steps.next().unwrap()), ErrorCode::Numeric);
    assert!(steps.next().is_none());
}

#[test]
fn handles_of_the_raw_interface() {
    let (_context, model) = model();
    let status = unsafe { sys::peft_model_retain(lora(&model, "x").as_raw().cast()) };
    assert_eq!(ErrorCode::from_status(status), ErrorCode::BadHandle);
    let mut message = [0u8; 256];
    let mut length = 0;
    unsafe { sys::peft_last_error(message.as_mut_ptr().cast(), message.len(), &mut length) };
    assert!(length > 0);
}

#[test]
fn a_trainer_is_not_used_from_its_own_callback() {
    unsafe extern "C" fn again(trainer: *mut c_void, _: *const sys::peft_step_result) -> i32 {
        let status = unsafe { sys::peft_train_step(trainer.cast(), std::ptr::null(), std::ptr::null_mut()) };
        assert_eq!(ErrorCode::from_status(status), ErrorCode::Reentrant);
        0
    }
    let (context, model) = model();
    let adapter = lora(&model, "x");
    let trainer = TrainerOptions::new().max_steps(1).create(&model, &adapter, Some(&rows(&context))).unwrap();
    let raw = trainer.as_raw();
    assert_eq!(unsafe { sys::peft_trainer_run(raw, std::ptr::null(), Some(again), raw.cast(), None) }, 0);
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let context = Context::new().unwrap();
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(b"/tmp/\xff"));
    assert_eq!(code(Model::load(&context, path)), ErrorCode::InvalidArgument);
}

#[cfg(unix)]
#[test]
fn a_child_process_is_told_that_it_is_one() {
    unsafe extern "C" {
        fn fork() -> i32;
        fn waitpid(child: i32, status: *mut i32, options: i32) -> i32;
        fn _exit(status: i32) -> !;
    }
    let (_context, model) = model();
    unsafe {
        let child = fork();
        if child == 0 {
            // Nothing but this: other threads of the parent may have held locks.
            let status = sys::peft_model_retain(model.as_raw());
            _exit((status != sys::peft_status_code::PEFT_E_FORKED.0).into());
        }
        let mut status = -1;
        assert_eq!(waitpid(child, &mut status, 0), child);
        assert_eq!(status, 0);
    }
}

#[test]
fn codes_have_the_names_of_the_library() {
    for status in -20..0 {
        let code = ErrorCode::from_status(status);
        assert_eq!(code.status(), status);
        assert!(code.name().starts_with("PEFT_E_"), "{status}: {}", code.name());
        assert!(!code.to_string().is_empty());
        let words = format!("{code:?}").to_uppercase();
        assert_eq!(code.name().replace("PEFT_E_", "").replace('_', ""), words);
    }
    assert_eq!(ErrorCode::from_status(-999), ErrorCode::Unknown(-999));
    assert_eq!(ErrorCode::Unknown(-999).name(), "PEFT_UNKNOWN");
    assert_eq!(ErrorCode::Library.to_string(), "library");
}
