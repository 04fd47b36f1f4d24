package main

import (
	"context"
	"errors"
	"path/filepath"

	"libpeft.org/go/peft"
)

func (w *world) errors() {
	that(w.given != nil && w.dataset != nil, "adapter and data set")
	for i := range w.integer("errors.names.count") {
		code := peft.Status(w.integer("errors.names.%d.code", i))
		that(code.String() == w.value("errors.names.%d.name", i), "%d is %v", code, code)
	}
	for i := range w.integer("errors.cases.count") {
		name := w.value("errors.cases.%d.name", i)
		code := peft.Status(w.integer("errors.cases.%d.code", i))
		if name == "callback" || name == "reentrant" { // Go pulls, see Trainer.Run
			w.printInteger(name, int64(code))
			continue
		}
		var failure *peft.Error
		err := w.provoke(name)
		that(errors.As(err, &failure) && failure.Status == code, "%s gave %v", name, err)
		w.printInteger(name, int64(failure.Status))
	}
}

func (w *world) provoke(name string) error {
	switch name {
	case "invalid_argument":
		config := peft.NewLoRAConfig()
		config.R = -1
		_, err := w.model.AttachLoRA("none", config)
		return err
	case "bad_handle":
		token := must(peft.NewCancel())
		token.Close()
		return token.Signal()
	case "busy":
		adapter := w.attach("held", 2, 1)
		defer drop(adapter)
		trainer := must(w.model.NewTrainer(adapter, w.dataset, nil))
		defer trainer.Close()
		_, err := w.model.NewTrainer(adapter, w.dataset, nil)
		return err
	case "out_of_memory":
		options := peft.NewContextOptions()
		options.MaxMemoryBytes = 10000
		small := must(peft.NewContext(options))
		defer small.Close()
		_, err := small.LoadModel(background, filepath.Join(w.root, w.value("model.path")), nil)
		return err
	case "io":
		return w.given.Save(background, "/dev/null/adapter", nil)
	case "format":
		_, err := w.context.DatasetFromText(background, nil, `{"token_ids": [1, 2`, nil)
		return err
	case "not_found":
		_, err := w.context.LoadModel(background, "/no/such/folder", nil)
		return err
	case "mismatch":
		dataset := must(w.context.DatasetFromRows(background, []peft.Row{{IDs: []int32{1, 2, 5000}}}, nil))
		defer dataset.Close()
		_, err := w.model.NewTrainer(w.given, dataset, nil)
		return err
	case "limit":
		options := peft.NewSessionOptions()
		options.ContextLength = 4
		session := must(w.model.NewSession(options))
		defer session.Close()
		return session.Prefill(background, w.row(), nil)
	case "cancelled":
		return w.loadWith("cpu", true)
	case "device":
		return w.loadWith("cuda:99", false)
	case "numeric":
		return w.overflow()
	}
	return w.onFreshModel(name)
}

func (w *world) loadWith(device string, cancelled bool) error {
	options := peft.NewModelOptions()
	options.Device = device
	token := must(peft.NewCancel())
	defer token.Close()
	if cancelled {
		ok(token.Signal())
	}
	ctx := peft.WithCancel(context.Background(), token)
	_, err := w.context.LoadModel(ctx, filepath.Join(w.root, w.value("model.path")), options)
	return err
}

// overflow makes an update so large that a later step has no finite loss.
func (w *world) overflow() error {
	config := peft.NewLoRAConfig()
	config.R, config.LoRAAlpha = 1, 1e9
	adapter := must(w.model.AttachLoRA("overflow", config))
	defer drop(adapter)
	ok(adapter.SetScale(1e6))
	options := peft.NewTrainerOptions()
	options.LearningRate, options.WarmupRatio, options.MaxGradNorm = 1e6, 0, 0
	options.MaxSteps, options.MaxSkippedInRow = 8, 1
	trainer := must(w.model.NewTrainer(adapter, w.dataset, options))
	defer trainer.Close()
	for _, err := range trainer.Steps(background) {
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *world) onFreshModel(name string) error {
	model := w.tiny()
	defer model.Close()
	switch name {
	case "unsupported":
		options := peft.NewQuantizeOptions()
		options.BlockSize = 128
		return model.QuantizeNF4(background, options)
	case "state":
		return model.Unmerge()
	case "refused": // four bits keep too little of the update
		adapter := must(model.LoadAdapter(background, "small", filepath.Join(w.work, "adapter"), nil))
		defer adapter.Close()
		ok(model.QuantizeNF4(background, nil))
		_, err := model.Merge(background, adapter, nil)
		return err
	}
	return errors.New("unknown case")
}

// close gives up parents first: what is still held lives on.
func (w *world) close() {
	that(w.model != nil && w.given != nil, "model and adapter")
	session := greedy(w.model, w.given, 2)
	defer session.Close()
	w.context.Close()
	if w.smollm2 != nil {
		w.smollm2.Close()
	}
	w.model.Close()
	w.given.Close()
	if w.dataset != nil {
		w.dataset.Close()
	}
	ok(session.Prefill(background, w.row(), nil))
	ids := must(pull(session))
	that(len(ids) == 2, "%d tokens", len(ids))
	w.printIDs("ids", ids)
	_, err := w.model.Retain()
	gives(peft.ErrBadHandle, err)
}
