use libpeft::*;

use crate::support::*;

#[test]
fn attach_train_save_and_load_beside_it() {
    let (context, model) = model();
    let folder = Folder::new();
    let adapter = lora(&model, "mine");
    let plain = logits(&model, &[]);
    let mut trainer = TrainerOptions::new()
        .max_steps(5)
        .learning_rate(1e-2)
        .create(&model, &adapter, Some(&rows(&context)))
        .unwrap();
    let losses: Vec<f64> = trainer.steps().map(|step| step.unwrap().loss).collect();
    assert_eq!(losses.len(), 5);
    assert!(losses[4] < losses[0], "{losses:?}");
    let trained = logits(&model, &[&adapter]);
    assert!(distance(&plain, &trained) > 0.0);

    adapter.save(folder.path("adapter")).unwrap();
    let loaded = Adapter::load(&model, "loaded", folder.path("adapter")).unwrap();
    assert_eq!(logits(&model, &[&loaded]), trained);
    assert_eq!(numbers(&adapter), numbers(&loaded));
    assert_eq!(loaded.info().unwrap().method, "LORA");
    let options = SaveOptions::new().dtype(Dtype::Bfloat16).base_model_name("tiny");
    adapter.save_with(folder.path("half"), &options).unwrap();
    let config = std::fs::read_to_string(folder.path("half/adapter_config.json")).unwrap();
    assert!(config.contains("\"base_model_name_or_path\": \"tiny\""), "{config}");
    adapter.save(folder.path("adapter.gguf")).unwrap();
}

#[test]
fn handles_of_one_adapter() {
    let (_context, model) = model();
    let mut adapter = lora(&model, "one");
    let same = adapter.try_clone().unwrap();
    let found = model.adapter("one").unwrap();
    assert_eq!(model.adapter_at(0).unwrap().name().unwrap(), "one");
    assert_eq!(model.adapters().unwrap().len(), 1);
    drop(found);
    adapter.set_scale(0.5).unwrap();
    assert_eq!(same.info().unwrap().scale, 0.5);
    adapter.detach().unwrap();
    assert!(!same.info().unwrap().attached);
    assert_eq!(model.adapter("one").unwrap_err().code(), ErrorCode::NotFound);
    drop(adapter);
    assert!(same.config().unwrap().contains("\"r\": 4"));
}

#[test]
fn every_setting_of_lora_reaches_the_adapter() {
    let (_context, model) = model();
    let adapter = LoraConfig::new()
        .r(4)
        .lora_alpha(12.5)
        .lora_dropout(0.25)
        .use_rslora(true)
        .bias(LoraBias::LoraOnly)
        .init_lora_weights(LoraInit::Gaussian)
        .target_kind(TargetKind::List)
        .target_modules("q_proj,v_proj")
        .exclude_modules("layers.0.self_attn.v_proj")
        .layers_to_transform([0, 1])
        .layers_pattern("layers")
        .rank_pattern(r#"{"layers.1.self_attn.q_proj": 2}"#)
        .alpha_pattern(r#"{"layers.1.self_attn.q_proj": 3}"#)
        .seed(7)
        .attach(&model, "all");
    let adapter = adapter.unwrap();
    let config = adapter.config().unwrap();
    for part in ["\"use_rslora\": true", "\"lora_dropout\": 0.25", "\"lora_only\"", "\"gaussian\"", "12.5"] {
        assert!(config.contains(part), "{part} in {config}");
    }
    let ranks: Vec<i64> = adapter.parameters().unwrap().iter().map(|p| p.shape[0].min(p.shape[1])).collect();
    assert!(ranks.contains(&2) && ranks.contains(&4), "{ranks:?}");
    assert_eq!(adapter.info().unwrap().module_count, 3);
    let whole = LoraConfig::new().target_modules("q_proj").modules_to_save("lm_head").attach(&model, "whole");
    assert!(whole.unwrap().info().unwrap().parameter_elements > 96 * 32);
    let pattern = LoraConfig::new()
        .target_kind(TargetKind::Regex)
        .target_modules(r".*\.(q|k)_proj")
        .exclude_modules(r".*k_proj")
        .exclude_is_regex(true);
    assert_eq!(pattern.attach(&model, "pattern").unwrap().info().unwrap().module_count, 2);
}

#[test]
fn other_methods_by_their_json() {
    let (_context, model) = model();
    let config = r#"{"peft_type": "IA3", "target_modules": ["k_proj", "down_proj"], "feedforward_modules": ["down_proj"]}"#;
    let adapter = Adapter::attach(&model, "ia3", config).unwrap();
    assert_eq!(adapter.info().unwrap().method, "IA3");
    let frozen = AdapterOptions::new().trainable(false).seed(3).attach(&model, "frozen", config).unwrap();
    assert!(!frozen.info().unwrap().trainable);
    let error = Trainer::new(&model, &frozen, None).unwrap_err();
    assert_eq!(error.code(), ErrorCode::State);
}
