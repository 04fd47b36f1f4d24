package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"libpeft.org/go/peft"
)

func (w *world) rows() []peft.Row {
	var rows []peft.Row
	for i := range w.integer("train.rows.count") {
		row := peft.Row{IDs: w.ids("train.rows.%d.ids", i), Labels: w.ids("train.rows.%d.labels", i)}
		if len(row.Labels) > 0 {
			row.LabelKind = peft.LabelKindTokens
		}
		rows = append(rows, row)
	}
	return rows
}

func (w *world) trainer(adapter *peft.Adapter, stepsKey string) *peft.Trainer {
	options := peft.NewTrainerOptions()
	options.BatchSize = int(w.integer("train.batch_size"))
	options.GradientAccumulationSteps = int(w.integer("train.gradient_accumulation_steps"))
	options.LearningRate = w.number("train.learning_rate")
	options.Seed = w.integer("train.seed")
	options.MaxSteps = w.integer("%s", stepsKey)
	return must(w.model.NewTrainer(adapter, w.dataset, options))
}

func (w *world) stepLoss(trainer *peft.Trainer, number int64, key string) float64 {
	event := must(trainer.Step(background))
	that(event.Step == number && event.Kind == peft.EventKindStep && event.Loss > 0, "step %+v", event)
	w.printBits(fmt.Sprintf("%s.%d", key, number), event.Loss)
	return event.Loss
}

func (w *world) train() {
	that(w.given != nil, "an adapter")
	w.dataset = must(w.context.DatasetFromRows(background, w.rows(), nil))
	trainer := w.trainer(w.given, "train.max_steps")
	defer trainer.Close()
	steps := w.integer("train.max_steps")
	var first, last float64
	for i := int64(1); i <= steps; i++ {
		last = w.stepLoss(trainer, i, "loss")
		if i == 1 {
			first = last
		}
	}
	that(last < first, "%v < %v", last, first)
	_, err := trainer.Step(background)
	that(err == io.EOF, "%v after the last step", err)
	info := must(trainer.Info())
	that(info.Step == steps && info.TotalSteps == steps, "%d of %d steps", info.Step, info.TotalSteps)
	w.printInteger("tokens", info.Tokens)
}

func (w *world) evaluateWith(adapter *peft.Adapter, key string) float64 {
	options := peft.NewEvaluateOptions()
	if adapter != nil {
		options.Adapters = []*peft.Adapter{adapter}
	}
	result := must(w.model.Evaluate(background, w.dataset, options))
	that(result.Rows == w.integer("train.rows.count"), "%d rows", result.Rows)
	w.printBits(key+".loss", result.Loss)
	w.printBits(key+".token_accuracy", result.TokenAccuracy)
	w.printInteger(key+".loss_tokens", result.LossTokens)
	return result.Loss
}

func (w *world) evaluate() {
	that(w.given != nil && w.dataset != nil, "adapter and data set")
	that(w.evaluateWith(w.given, "adapter") < w.evaluateWith(nil, "base"), "the adapter is better")
}

func (w *world) save() {
	that(w.given != nil, "an adapter")
	path := filepath.Join(w.work, "adapter")
	ok(w.given.Save(background, path, nil))
	must(os.Stat(filepath.Join(path, "adapter_config.json")))
	must(os.Stat(filepath.Join(path, "adapter_model.safetensors")))
	ok(w.model.Save(background, filepath.Join(w.work, "model.gguf"), nil))
}

func (w *world) loadBeside() {
	that(w.given != nil, "an adapter")
	second := must(w.context.LoadModel(background, filepath.Join(w.work, "model.gguf"), nil))
	that(score(second, nil, w.row()) == score(w.model, nil, w.row()), "the saved model scores as the first")
	second.Close()
	again := must(w.model.LoadAdapter(background, "again", filepath.Join(w.work, "adapter"), nil))
	defer drop(again)
	info := must(w.model.Info())
	that(info.AdapterCount == 2, "%d adapters", info.AdapterCount)
	found := must(w.model.FindAdapter("again"))
	defer found.Close()
	nll := score(w.model, w.given, w.row())
	that(score(w.model, found, w.row()) == nll, "the saved adapter scores as the first")
	w.printBits("nll", nll)
}

func (w *world) cancel() {
	that(w.dataset != nil, "a data set")
	adapter := w.attach("endless", 4, 1)
	defer drop(adapter)
	trainer := w.trainer(adapter, "cancel.max_steps")
	defer trainer.Close()
	begin := time.Now()
	after := time.Duration(w.number("cancel.after_seconds") * float64(time.Second))
	ctx, stop := context.WithTimeout(background, after)
	defer stop()
	gives(peft.ErrCancelled, trainer.Run(ctx, nil))
	took := time.Since(begin).Seconds()
	that(took <= w.number("cancel.within_seconds"), "%v seconds", took)
	info := must(trainer.Info())
	that(info.Step > 0 && !info.Finished, "step %d", info.Step)
	must(trainer.Step(background)) // it can go on
	that(must(trainer.Info()).Step == info.Step+1, "one step more")
}

func (w *world) resume() {
	that(w.dataset != nil, "a data set")
	all, cut := w.integer("resume.max_steps"), w.integer("resume.checkpoint_after")
	r, seed := int(w.integer("resume.r")), w.integer("resume.seed")
	path := filepath.Join(w.work, "checkpoint")
	losses := map[int64]float64{}
	first := w.attach("whole", r, seed)
	defer drop(first)
	whole := w.trainer(first, "resume.max_steps")
	defer whole.Close()
	for i := int64(1); i <= all; i++ {
		losses[i] = w.stepLoss(whole, i, "loss")
		if i == cut {
			ok(whole.Checkpoint(background, path))
		}
	}
	second := w.attach("resumed", r, seed)
	defer drop(second)
	resumed := w.trainer(second, "resume.max_steps")
	defer resumed.Close()
	must(resumed.Resume(path))
	info := must(resumed.Info())
	that(info.Step == cut && info.CheckpointStep == cut, "resumed at %d", info.Step)
	for i := cut + 1; i <= all; i++ {
		that(w.stepLoss(resumed, i, "resumed") == losses[i], "the loss of step %d", i)
	}
}
