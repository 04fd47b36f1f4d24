//! What crossing costs: a step through the safe crate and through the raw functions. Alone in its process.

mod support;

use std::hint::black_box;
use std::time::Instant;

use libpeft::*;
use support::*;

/// Nanoseconds of one call: the best of several rounds, which disturbances do not reach.
fn nanoseconds(calls: u32, mut call: impl FnMut()) -> f64 {
    let rounds = (0..7).map(|_| {
        let begin = Instant::now();
        (0..calls).for_each(|_| call());
        begin.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    });
    rounds.fold(f64::INFINITY, f64::min)
}

#[test]
fn a_step_costs_what_it_costs_in_c() {
    let (context, model) = model();
    let adapter = lora(&model, "measured");
    let data = rows(&context);
    let options = TrainerOptions::new().max_steps(200);
    let mut trainer = options.create(&model, &adapter, Some(&data)).unwrap();
    let seconds = trainer.steps().map(|step| step.unwrap().seconds).fold(f64::INFINITY, f64::min);

    // All steps have been made: what is left of the call is the crossing.
    let raw = trainer.as_raw();
    let in_c = nanoseconds(20_000, || unsafe {
        let mut step: sys::peft_step_result = std::mem::zeroed();
        step.struct_size = size_of_val(&step) as u32;
        black_box(sys::peft_train_step(raw, std::ptr::null(), &mut step));
    });
    let in_rust = nanoseconds(20_000, || {
        black_box(trainer.step().unwrap());
    });
    let trivial = nanoseconds(100_000, || {
        black_box(abi_version().unwrap());
    });
    let info = nanoseconds(20_000, || {
        black_box(adapter.info().unwrap());
    });
    let share = (in_rust - in_c) / (seconds * 1e9) * 100.0;
    println!(
        "trivial call {trivial:.0} ns, adapter.info() {info:.0} ns, empty step {in_rust:.0} ns, in C {in_c:.0} ns"
    );
    println!("that is {share:.3} % of the shortest step of the tiny model, {:.0} us", seconds * 1e6);
    assert!(share < 1.0, "{share} %");
}
