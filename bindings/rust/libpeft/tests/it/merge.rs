use libpeft::*;

use crate::support::*;

fn strong(model: &Model) -> Adapter {
    LoraConfig::new().r(4).init_lora_weights(LoraInit::None).seed(5).attach(model, "strong").unwrap()
}

#[test]
fn merge_reports_and_is_undone_bit_for_bit() {
    let (_context, mut model) = model();
    let adapter = strong(&model);
    let before = logits(&model, &[]);
    let adapted = logits(&model, &[&adapter]);
    let dry = model.merge(&adapter, &MergeOptions::new().dry_run(true)).unwrap();
    assert!(!dry.merged && dry.tensor_count == 14);
    let rounded = MergeOptions::new().dry_run(true).save_dtype(Dtype::Bfloat16);
    let rounded = model.merge(&adapter, &rounded).unwrap();
    assert!(rounded.mean_retained != dry.mean_retained, "{rounded:?} {dry:?}");
    let report = model.merge(&adapter, &MergeOptions::new()).unwrap();
    assert!(report.merged && report.minimum_retained > 0.99 && report.original_bytes > 0);
    let tensors = model.merge_tensors().unwrap();
    assert_eq!(tensors.len(), 14);
    assert!(tensors.iter().all(|tensor| tensor.retained > 0.99 && tensor.dtype == Dtype::Float32));
    assert!(distance(&logits(&model, &[]), &adapted) < 1e-4);
    model.unmerge().unwrap();
    assert_eq!(logits(&model, &[]), before);
    assert_eq!(model.unmerge().unwrap_err().code(), ErrorCode::State);
}

#[test]
fn what_four_bits_would_lose_is_refused_and_can_be_forced() {
    let (_context, mut model) = model();
    let folder = Folder::new();
    model.quantize_nf4(&QuantizeOptions::new().double_quantize(true).block_size(64)).unwrap();
    assert_eq!(model.info().unwrap().family, "llama");
    let adapter = LoraConfig::new().r(1).lora_alpha(0.01).init_lora_weights(LoraInit::None);
    let adapter = adapter.attach(&model, "small").unwrap();
    let refusal = model.merge(&adapter, &MergeOptions::new()).unwrap_err();
    assert_eq!(refusal.error.code(), ErrorCode::Refused);
    let report = refusal.report.clone().unwrap();
    assert!(!report.merged && report.below_minimum > 0 && report.minimum_retained < 0.99);
    assert_eq!(Error::from(refusal).code(), ErrorCode::Refused);
    let options = MergeOptions::new().force(true).minimum_retained(0.9);
    assert!(model.merge(&adapter, &options).unwrap().merged);
    model.discard_originals().unwrap();
    assert_eq!(model.info().unwrap().adapter_count, 0);
    model.save(folder.path("merged")).unwrap();
    let options = SaveOptions::new().format(FileFormat::Gguf).dtype(Dtype::Float16).without_tokenizer(true);
    model.save_with(folder.path("merged.gguf"), &options).unwrap();
    let context = Context::new().unwrap();
    let again = Model::load(&context, folder.path("merged")).unwrap();
    assert!(distance(&logits(&again, &[]), &logits(&model, &[])) < 1e-6);
    let half =
        ModelOptions::new().dtype(Dtype::Bfloat16).device("cpu").follow_links(true).without_tokenizer(true);
    assert_eq!(
        half.load(&context, folder.path("merged.gguf")).unwrap().info().unwrap().dtype,
        Dtype::Bfloat16
    );
}

#[test]
fn a_model_in_use_is_not_changed() {
    let (_context, mut model) = model();
    let adapter = strong(&model);
    let session = Session::new(&model).unwrap();
    assert_eq!(model.quantize_nf4(&QuantizeOptions::new()).unwrap_err().code(), ErrorCode::Busy);
    assert_eq!(model.merge(&adapter, &MergeOptions::new()).unwrap_err().error.code(), ErrorCode::Busy);
    drop(session);
    model.merge(&adapter, &MergeOptions::new().discard_originals(true)).unwrap();
    assert_eq!(model.unmerge().unwrap_err().code(), ErrorCode::State);
}
