package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"libpeft.org/go/peft"
)

func greedy(model *peft.Model, adapter *peft.Adapter, newTokens int64) *peft.Session {
	options := peft.NewSessionOptions()
	if adapter != nil {
		options.Adapters = []*peft.Adapter{adapter}
	}
	session := must(model.NewSession(options))
	sampling := peft.NewSamplingOptions()
	sampling.MaxNewTokens, sampling.IgnoreEOS = newTokens, true
	ok(session.SetSampling(sampling))
	return session
}

// pull is also for other goroutines, where a failed step must not panic.
func pull(session *peft.Session) (ids []int32, err error) {
	for made, err := range session.Pieces(background) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, made.TokenID)
	}
	return ids, nil
}

func (w *world) stream() {
	that(w.given != nil, "an adapter")
	prompt, count := w.ids("stream.prompt"), w.integer("stream.max_new_tokens")
	session := greedy(w.model, w.given, count)
	defer session.Close()
	ok(session.Prefill(background, prompt, nil))
	twin := must(session.Fork())
	defer twin.Close()
	var ids []int32
	sum := 0.0
	for made, err := range session.Pieces(background) {
		ok(err)
		that(made.Position == int64(len(prompt)+len(ids)), "position %d", made.Position)
		ids = append(ids, made.TokenID)
		sum += made.Logprob
	}
	that(int64(len(ids)) == count, "%d tokens", len(ids))
	that(must(session.Info()).FinishReason == peft.FinishReasonLength, "finish reason length")
	w.printIDs("ids", ids)
	w.printBits("logprob", sum)
	that(slices.Equal(must(pull(twin)), ids), "the fork makes the same")
	that(slices.Equal(must(session.Tokens()), append(prompt, ids...)), "the session holds prompt and pieces")
}

func (w *world) chat() {
	if w.smollm2 == nil {
		panic(skipped("no model"))
	}
	session := must(w.smollm2.NewSession(nil))
	defer session.Close()
	sampling := peft.NewSamplingOptions()
	sampling.MaxNewTokens = w.integer("smollm2.max_new_tokens")
	ok(session.SetSampling(sampling))
	ok(session.PrefillChatJSON(background, w.value("smollm2.messages_json"), nil))
	var ids []int32
	var text strings.Builder
	for made, err := range session.Pieces(background) {
		ok(err)
		if made.TokenID >= 0 {
			ids = append(ids, made.TokenID)
		}
		text.WriteString(made.Text)
	}
	w.printIDs("ids", ids)
	w.printHex("text", text.String())
	that(slices.Equal(ids, w.ids("smollm2.answer_ids")), "ids %v", ids)
	that(text.String() == w.hex("smollm2.answer_hex"), "text %q", text.String())
}

// prompted is session i: it begins at token i of the row, and even ones speak with the adapter.
func (w *world) prompted(i int64) *peft.Session {
	adapter := w.given
	if i%2 == 1 {
		adapter = nil
	}
	session := greedy(w.model, adapter, w.integer("sessions.max_new_tokens"))
	ok(session.Prefill(background, w.row()[i:i+w.integer("sessions.prompt_length")], nil))
	return session
}

func (w *world) sessions() {
	that(w.given != nil && w.dataset != nil, "adapter and data set")
	learner := w.attach("learner", int(w.integer("sessions.learner_r")), w.integer("sessions.learner_seed"))
	defer drop(learner)
	options := peft.NewTrainerOptions()
	options.MaxSteps = w.integer("cancel.max_steps")
	trainer := must(w.model.NewTrainer(learner, w.dataset, options))
	defer trainer.Close()
	ctx, stop := context.WithCancel(background)
	defer stop()
	learned := make(chan error, 1)
	go func() { learned <- trainer.Run(ctx, nil) }()

	count := w.integer("sessions.count")
	made, errs := make([][]int32, count), make([]error, count)
	var all sync.WaitGroup
	for i := range count {
		session := w.prompted(i)
		defer session.Close()
		all.Add(1)
		go func() {
			defer all.Done()
			made[i], errs[i] = pull(session)
		}()
	}
	all.Wait()
	stop()
	gives(peft.ErrCancelled, <-learned)
	for i := range count {
		ok(errs[i])
		alone := w.prompted(i)
		that(slices.Equal(must(pull(alone)), made[i]), "session %d makes what it makes alone", i)
		alone.Close()
		w.printIDs(fmt.Sprintf("ids.%d", i), made[i])
	}
}

func (w *world) quantize() {
	model := w.tiny()
	defer model.Close()
	before := must(model.Info())
	ok(model.QuantizeNF4(background, nil))
	after := must(model.Info())
	that(int64(after.DType) == w.integer("quantize.dtype"), "type %v", after.DType)
	that(after.WeightBytes < before.WeightBytes, "%d bytes", after.WeightBytes)
	w.printInteger("weight_bytes", after.WeightBytes)
	w.printBits("nll", score(model, nil, w.row()))
	gives(peft.ErrState, model.QuantizeNF4(background, nil))
}

func (w *world) merge() {
	model := w.tiny()
	defer model.Close()
	adapter := must(model.LoadAdapter(background, "merged", filepath.Join(w.work, "adapter"), nil))
	defer adapter.Close()
	before, adapted := score(model, nil, w.row()), score(model, adapter, w.row())
	options := peft.NewMergeOptions()
	options.DryRun = true
	dry := must(model.Merge(background, adapter, options))
	that(!dry.Merged && score(model, nil, w.row()) == before, "a dry run changes nothing")
	result := must(model.Merge(background, adapter, nil))
	that(result.Merged && result.BelowMinimum == 0 && result.TensorCount == dry.TensorCount, "%+v", result)
	last := ""
	for tensor, err := range model.MergeReport() {
		ok(err)
		that(tensor.Retained > 0.99 && tensor.UpdateNorm > 0, "%+v", tensor)
		last = tensor.Name
	}
	w.printInteger("tensor_count", result.TensorCount)
	w.printBits("minimum_retained", result.MinimumRetained)
	w.printBits("mean_retained", result.MeanRetained)
	w.printHex("last_tensor", last)
	merged := score(model, nil, w.row())
	w.printBits("nll", merged)
	that(math.Abs(merged-adapted) < 1e-3, "merged %v, adapted %v", merged, adapted)
	ok(model.Unmerge())
	that(score(model, nil, w.row()) == before, "unmerged as before")
}
