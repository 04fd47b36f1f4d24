use libpeft::*;

use crate::support::*;

#[test]
fn a_model_tells_what_it_is() {
    let (context, model) = model();
    let info = model.info().unwrap();
    assert_eq!((info.family.as_str(), info.device.as_str(), info.dtype), ("llama", "cpu", Dtype::Float32));
    assert_eq!((info.layers, info.hidden_size, info.vocabulary_size), (2, 32, 96));
    assert!(info.tied_head && !info.has_tokenizer);
    let parameters = model.parameters().unwrap();
    assert_eq!(parameters.len() as i64, info.parameter_count);
    let query = parameters.iter().find(|p| p.name == "model.layers.0.self_attn.q_proj.weight").unwrap();
    assert_eq!((query.shape.as_slice(), query.elements, query.bytes), (&[32, 32][..], 1024, 4096));
    assert_eq!(model.read_parameter(&query.name).unwrap().len(), 1024);
    let modules = model.modules().unwrap();
    assert_eq!(modules.len() as i64, info.module_count);
    let query = modules.iter().find(|m| m.name == "model.layers.1.self_attn.q_proj").unwrap();
    assert_eq!((query.layer, query.kind.as_str(), query.in_features), (Some(1), "linear", 32));
    assert!(model.describe().unwrap().contains("\"llama\""));
    assert!(context.inspect(llama(), None).unwrap().contains("\"llama\""));
    assert_eq!(model.parameter(9999).unwrap_err().code(), ErrorCode::NotFound);
    let same = model.try_clone().unwrap();
    drop(model);
    assert_eq!(same.info().unwrap(), info);
}

#[test]
fn the_library_tells_what_it_is() {
    assert!(version().unwrap().starts_with("0."));
    assert_eq!(abi_version().unwrap(), 1);
    assert!(!build_info().unwrap().is_empty());
    assert!(has_feature("cpu").unwrap() && has_feature("family:llama").unwrap());
    assert!(!has_feature("no such thing").unwrap());
    assert!(has_feature("with\0NUL").is_err());
    let devices = devices().unwrap();
    assert_eq!((devices[0].index, devices[0].id.as_str()), (0, "cpu"));
    assert!(devices[0].memory_bytes > 0 && !devices[0].name.is_empty());
}

#[test]
fn a_context_keeps_its_bounds_and_tells_its_figures() {
    let context = ContextOptions::new()
        .threads(1)
        .max_memory_bytes(1 << 28)
        .max_json_bytes(1 << 20)
        .max_text_bytes(1 << 16)
        .max_data_row_bytes(1 << 16)
        .max_tokens(64)
        .max_template_steps(1000)
        .create()
        .unwrap();
    let model = Model::load(&context, llama()).unwrap();
    assert!(context.info().unwrap().memory_bytes >= model.info().unwrap().weight_bytes);
    context.trim().unwrap();
    drop(context);
    assert!(!logits(&model, &[]).is_empty());
}

#[test]
fn estimates_of_both_jobs() {
    let (context, model) = model();
    let data = rows(&context);
    let training = EstimateOptions::new()
        .job(Job::Train)
        .model_options(ModelOptions::new().dtype(Dtype::Float32))
        .lora_config(LoraConfig::new().r(4))
        .trainer_options(TrainerOptions::new().batch_size(1))
        .dataset(&data)
        .quantize_nf4(true);
    let estimate = context.estimate(llama(), &training).unwrap();
    assert!(estimate.fits && estimate.weight_bytes > 0 && estimate.optimizer_bytes > 0);
    assert_eq!(estimate.trainable_elements, lora(&model, "x").info().unwrap().parameter_elements);
    let serving = EstimateOptions::new()
        .job(Job::Generate)
        .sessions(3)
        .session_options(SessionOptions::new().context_length(64))
        .adapter_config(r#"{"peft_type": "LORA", "r": 4, "target_modules": "all-linear"}"#)
        .sequence_length(64);
    assert!(model.estimate(&serving).unwrap().cache_bytes > 0);
}
