use libpeft::*;

use crate::support::*;

#[test]
fn pieces_scores_and_logits_agree() {
    let (_context, model) = model();
    let mut session = Session::new(&model).unwrap();
    assert_eq!(session.next_piece().unwrap_err().code(), ErrorCode::State);
    session.set_sampling(&SamplingOptions::new().max_new_tokens(6).ignore_eos(true)).unwrap();
    session.prefill(&IDS, &PrefillOptions::new()).unwrap();
    let row = session.logits().unwrap();
    let all = logits(&model, &[]);
    assert!(distance(&row, &all[all.len() - 96..]) < 1e-4);

    let mut twin = session.fork().unwrap();
    let pieces: Vec<Piece> = session.pieces().collect::<Result<_>>().unwrap();
    assert_eq!(pieces.len(), 6);
    assert_eq!(pieces[0].position, 8);
    assert!(session.next_piece().unwrap().is_none());
    assert_eq!(session.info().unwrap().finish_reason, FinishReason::Length);
    let made: Vec<i32> = pieces.iter().filter_map(|piece| piece.token_id).collect();
    let mut again = Vec::new();
    while let Some(token) = twin.next_token().unwrap() {
        again.push(token);
    }
    assert_eq!(made, again);
    let tokens = session.tokens().unwrap();
    assert_eq!((&tokens[..8], &tokens[8..]), (&IDS[..], &made[..]));

    let score = model.score(&tokens, &ScoreOptions::new()).unwrap();
    assert_eq!((score.count, score.logprobs.len()), (14, 13));
    let of_pieces: f64 = pieces.iter().map(|piece| piece.logprob).sum();
    let of_score: f64 = score.logprobs[7..].iter().map(|p| f64::from(*p)).sum();
    assert!((of_pieces - of_score).abs() < 1e-3, "{of_pieces} {of_score}");
    let alone = model.score(&IDS[..1], &ScoreOptions::new()).unwrap();
    assert_eq!((alone.count, alone.nll, alone.logprobs.len()), (1, 0.0, 0));

    session.rewind(8).unwrap();
    assert_eq!(session.info().unwrap().position, 8);
    let window = ScoreOptions::new().first_position(2).position_count(3).compute_dtype(Dtype::Float32);
    assert_eq!(model.logits(&IDS, &window).unwrap(), &all[2 * 96..5 * 96]);
}

#[test]
fn text_streams_in_whole_code_points_up_to_a_stop_string() {
    let folder = Folder::new();
    let context = Context::new().unwrap();
    let model = Model::load(&context, talker(&folder)).unwrap();
    let mut session = SessionOptions::new().context_length(128).create(&model).unwrap();
    session.prefill_text("Open the door", &PrefillOptions::new().add_special(Choice::No)).unwrap();
    assert_eq!(session.tokens().unwrap().len(), "Open the door".len());
    let options = SamplingOptions::new().max_new_tokens(24).ignore_eos(true).include_special(true);
    session.set_sampling(&options).unwrap();
    let mut fork = session.fork().unwrap();
    let whole = session.generate_text().unwrap();
    assert!(!whole.is_empty());
    let stop = &whole[whole.len() / 2..whole.len() / 2 + 2];
    fork.set_sampling(&options.clone().stop([stop.to_string()])).unwrap();
    let cut = fork.generate_text().unwrap();
    assert_eq!(cut, whole[..whole.find(stop).unwrap()]);
    assert_eq!(fork.info().unwrap().finish_reason, FinishReason::Stop);
}

#[test]
fn chats_go_on_and_equal_seeds_give_equal_draws() {
    let folder = Folder::new();
    let context = Context::new().unwrap();
    let model = Model::load(&context, talker(&folder)).unwrap();
    let answer = |seed: i64| {
        let mut session = Session::new(&model).unwrap();
        let sampling = SamplingOptions::new()
            .temperature(1)
            .top_k(40)
            .top_p(0.95)
            .min_p(0.01)
            .repetition_penalty(1.1)
            .seed(seed)
            .max_new_tokens(10);
        session.set_sampling(&sampling).unwrap();
        let mut chat = Conversation::new().system("Be brief").user("Go north");
        session.prefill_chat(&chat, &PrefillOptions::new()).unwrap();
        let first = session.generate_text().unwrap();
        chat.push("assistant", &first);
        let chat = chat.user("Go south");
        session.prefill_chat(&chat, &PrefillOptions::new()).unwrap();
        (first, session.generate_text().unwrap())
    };
    assert_eq!(answer(1), answer(1));
    assert_ne!(answer(1), answer(2));
    let mut session = Session::new(&model).unwrap();
    let options = PrefillOptions::new()
        .chat_template("{{ messages[0].content }}{{ tools[0].name }}")
        .tools_json(r#"[{"name": "lamp"}]"#);
    session.prefill_chat(&Conversation::new().user("x"), &options.add_generation_prompt(false)).unwrap();
    assert_eq!(session.tokens().unwrap().len(), 5);
}

#[test]
fn a_cancelled_generation_goes_on() {
    let (_context, model) = model();
    let mut session = Session::new(&model).unwrap();
    let token = CancelToken::new().unwrap();
    session.set_sampling(&SamplingOptions::new().max_new_tokens(8).ignore_eos(true).cancel(&token)).unwrap();
    session.prefill(&IDS, &PrefillOptions::new()).unwrap();
    let mut made = 0;
    for piece in session.pieces() {
        match piece {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.code(), ErrorCode::Cancelled),
        }
        if made == 3 {
            token.cancel().unwrap();
        }
    }
    assert_eq!(made, 3);
    drop(token);
    session.set_sampling(&SamplingOptions::new().max_new_tokens(5).ignore_eos(true)).unwrap();
    assert_eq!(session.pieces().count(), 5);
    let signalled = CancelToken::new().unwrap();
    signalled.cancel().unwrap();
    let error = session.prefill(&IDS, &PrefillOptions::new().cancel(&signalled)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    let error = model.score(&IDS, &ScoreOptions::new().cancel(&signalled)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
}
