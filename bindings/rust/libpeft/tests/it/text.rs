use libpeft::*;

use crate::support::*;

const HARD: [&str; 6] = [
    "",
    "Hello, world",
    "안녕하세요 세계",
    "👩‍👩‍👧‍👦 and 🇰🇷",
    "NUL \0 inside",
    "\u{feff}e\u{301}\r\n\ttab\u{2028}",
];

#[test]
fn hard_text_comes_back() {
    let context = Context::new().unwrap();
    let folder = Folder::new();
    let tokenizer = Tokenizer::load(&context, data("capi/tokenizer.json")).unwrap();
    for text in HARD {
        let ids = tokenizer.encode(text, true).unwrap();
        assert_eq!(ids.len(), text.len(), "a byte is a token");
        assert_eq!(tokenizer.decode(&ids, false).unwrap(), text);
        let mut decoder = tokenizer.stream_decoder(true).unwrap();
        let mut streamed: String = ids.iter().map(|id| decoder.push(*id).unwrap()).collect();
        streamed += &decoder.finish().unwrap();
        assert_eq!(streamed, text);
    }
    let cut = tokenizer.encode("🙂", false).unwrap();
    let mut decoder = tokenizer.stream_decoder(false).unwrap();
    assert_eq!(decoder.push(cut[0]).unwrap(), "");
    assert_eq!(decoder.finish().unwrap(), "\u{fffd}");
    assert_eq!(tokenizer.decode(&cut[..2], false).unwrap(), "\u{fffd}");

    let info = tokenizer.info().unwrap();
    assert_eq!((info.vocabulary_size, info.kind.as_str()), (257, "byte_level_bpe"));
    assert_eq!((info.bos_id, info.unknown_id), (None, None));
    assert_eq!(tokenizer.token_id("<end>").unwrap(), 256);
    assert_eq!(tokenizer.token_text(256).unwrap(), "<end>");
    assert_eq!(tokenizer.encode("a<end>", false).unwrap(), [97 - 33 + 33, 256]);
    assert_eq!(tokenizer.token_id("no such token").unwrap_err().code(), ErrorCode::NotFound);
    assert_eq!(tokenizer.decode(&[9999], false).unwrap_err().code(), ErrorCode::InvalidArgument);
    tokenizer.save(folder.path("saved")).unwrap();
    assert!(Tokenizer::load(&context, folder.path("saved")).is_ok());
}

#[test]
fn ten_megabytes_of_one_letter() {
    let context = Context::new().unwrap();
    let tokenizer = Tokenizer::load(&context, data("capi/tokenizer.json")).unwrap();
    let text = "a".repeat(10_000_000);
    let ids = tokenizer.encode(&text, false).unwrap();
    assert_eq!(ids.len(), text.len());
    assert_eq!(tokenizer.decode(&ids, false).unwrap(), text);
    let small = ContextOptions::new().max_text_bytes(1000).create().unwrap();
    let tokenizer = Tokenizer::load(&small, data("capi/tokenizer.json")).unwrap();
    assert_eq!(tokenizer.encode(&text, false).unwrap_err().code(), ErrorCode::Limit);
}

#[test]
fn chat_templates() {
    let folder = Folder::new();
    let context = Context::new().unwrap();
    let model = Model::load(&context, talker(&folder)).unwrap();
    let tokenizer = model.tokenizer().unwrap();
    assert!(tokenizer.info().unwrap().has_chat_template);
    let chat = Conversation::new().user("Go north");
    let text = tokenizer.apply_chat_template(&chat, &ChatOptions::new()).unwrap();
    assert_eq!(text, "user: Go north\nassistant: ");
    let options = ChatOptions::new().add_generation_prompt(false).tools_json("[1, 2]");
    let options = options.chat_template("{{ tools | length }} {{ messages[0].content }}");
    assert_eq!(tokenizer.apply_chat_template(&chat, &options).unwrap(), "2 Go north");
    let broken = tokenizer.apply_chat_template(&Conversation::from_json("[{"), &ChatOptions::new());
    assert_eq!(broken.unwrap_err().code(), ErrorCode::Format);
    let (_context, plain) = crate::support::model();
    assert_eq!(plain.tokenizer().unwrap_err().code(), ErrorCode::NotFound);
}
