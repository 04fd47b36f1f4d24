//! What lies where, and what a step keeps.

use libpeft::*;

use crate::support::*;

#[test]
fn models_may_become_nf4_as_they_are_read() {
    let context = Context::new().unwrap();
    let load = |options| ModelOptions::new().quantize_nf4(options).load(&context, llama());
    let info = load(QuantizeOptions::new()).unwrap().info().unwrap();
    assert_eq!((info.dtype, info.host_weight_bytes), (Dtype::Nf4Double, 0));
    let plain = QuantizeOptions::new().double_quantize(false).skip_modules("k_proj");
    assert_eq!(load(plain).unwrap().info().unwrap().dtype, Dtype::Nf4);
    let error = load(QuantizeOptions::new().block_size(128)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported);
}

#[test]
fn there_is_no_other_memory_beside_the_hosts() {
    let (context, model) = model();
    let adapter = lora(&model, "x");
    let data = rows(&context);
    let error = ModelOptions::new().embedding_placement(Placement::Host).load(&context, llama()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported);
    assert!(error.message().contains("embedding_placement"), "{error:?}");
    let moments = TrainerOptions::new().optimizer_placement(Placement::Host);
    let error = moments.create(&model, &adapter, Some(&data)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported);
    assert!(error.message().contains("optimizer_placement"), "{error:?}");
    let layers = TrainerOptions::new().activation_checkpointing(ActivationPolicy::Offload);
    let error = layers.create(&model, &adapter, Some(&data)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported);
}

#[test]
fn layers_that_are_run_again_learn_the_same() {
    let (context, model) = model();
    let data = rows(&context);
    let losses = |name: &str, policy: ActivationPolicy| -> Vec<f64> {
        let options = TrainerOptions::new().max_steps(4).learning_rate(1e-2).activation_checkpointing(policy);
        let mut trainer = options.create(&model, &lora(&model, name), Some(&data)).unwrap();
        trainer.steps().map(|step| step.unwrap().loss).collect()
    };
    let kept = losses("kept", ActivationPolicy::Keep);
    assert!(kept.len() == 4 && kept[3] < kept[0], "{kept:?}");
    assert_eq!(losses("again", ActivationPolicy::Checkpoint), kept);
    assert_eq!(losses("chosen", ActivationPolicy::Auto), kept);
}

#[test]
fn estimates_see_the_same_options() {
    let context = Context::new().unwrap();
    let plain = context.estimate(llama(), &EstimateOptions::new()).unwrap();
    let options = EstimateOptions::new()
        .model_options(ModelOptions::new().quantize_nf4(QuantizeOptions::new()))
        .trainer_options(TrainerOptions::new().activation_checkpointing(ActivationPolicy::Checkpoint));
    let small = context.estimate(llama(), &options).unwrap();
    assert!(small.weight_bytes < plain.weight_bytes, "{small:?} {plain:?}");
    assert!(small.activation_bytes < plain.activation_bytes, "{small:?} {plain:?}");
    assert_eq!(small.host_bytes, 0);
}
