//! What crossing costs: a step through the safe crate and through the raw functions. Alone in its process.

mod support;

use std::hint::black_box;
use std::time::Instant;

use libpeft::*;
use support::*;

/// Nanoseconds of one call of each: the best of many short rounds in turn, which disturbances do not reach.
fn nanoseconds<const N: usize>(calls: [&mut dyn FnMut(); N]) -> [f64; N] {
    const ROUNDS: usize = 200;
    const CALLS: u32 = 200;
    let mut best = [f64::INFINITY; N];
    let mut calls = calls;
    for _ in 0..ROUNDS {
        for (best, call) in best.iter_mut().zip(&mut calls) {
            let begin = Instant::now();
            (0..CALLS).for_each(|_| call());
            *best = best.min(begin.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        }
    }
    best
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
    let mut step_in_c = || unsafe {
        let mut step: sys::peft_step_result = std::mem::zeroed();
        step.struct_size = size_of_val(&step) as u32;
        black_box(sys::peft_train_step(raw, std::ptr::null(), &mut step));
    };
    let mut step_in_rust = || {
        black_box(trainer.step().unwrap());
    };
    let mut trivial_call = || {
        black_box(abi_version().unwrap());
    };
    let mut info_call = || {
        black_box(adapter.info().unwrap());
    };
    let [in_c, in_rust, trivial, info] =
        nanoseconds([&mut step_in_c, &mut step_in_rust, &mut trivial_call, &mut info_call]);
    let share = (in_rust - in_c) / (seconds * 1e9) * 100.0;
    println!(
        "trivial call {trivial:.0} ns, adapter.info() {info:.0} ns, empty step {in_rust:.0} ns, in C {in_c:.0} ns"
    );
    println!("that is {share:.3} % of the shortest step of the tiny model, {:.0} us", seconds * 1e6);
    assert!(share < 1.0, "{share} %");
}
