package peft

import (
	"slices"
	"testing"
)

func TestModelsMayBecomeNF4AsTheyAreRead(t *testing.T) {
	c := newContext(t)
	options := NewModelOptions()
	load := func() ModelInfo {
		m, err := c.LoadModel(background, tinyPath(t), options)
		info, err := closing(t, m, err).Info()
		need(t, err)
		return info
	}
	options.QuantizeNF4 = NewQuantizeOptions()
	if info := load(); info.DType != DTypeNF4Double || info.HostWeightBytes != 0 {
		t.Fatal(info)
	}
	options.QuantizeNF4.DoubleQuantize, options.QuantizeNF4.SkipModules = false, []string{"k_proj"}
	if info := load(); info.DType != DTypeNF4 {
		t.Fatal(info)
	}
	options.QuantizeNF4.BlockSize = 128
	_, err := c.LoadModel(background, tinyPath(t), options)
	needStatus(t, err, ErrUnsupported)
	options.QuantizeNF4 = &QuantizeOptions{}
	_, err = c.LoadModel(background, tinyPath(t), options)
	needStatus(t, err, ErrInvalidArgument)
	needText(t, err, "NewQuantizeOptions")
}

func TestThereIsNoOtherMemoryBesideTheHosts(t *testing.T) {
	l := newLesson(t, 1)
	model := NewModelOptions()
	model.EmbeddingPlacement = PlacementHost
	_, err := l.context.LoadModel(background, tinyPath(t), model)
	needStatus(t, err, ErrUnsupported)
	needText(t, err, "embedding_placement")
	moments, layers := NewTrainerOptions(), NewTrainerOptions()
	moments.OptimizerPlacement, layers.ActivationCheckpointing = PlacementHost, ActivationPolicyOffload
	adapter := attach(t, l.model, "other")
	_, err = l.model.NewTrainer(adapter, l.dataset, moments)
	needStatus(t, err, ErrUnsupported)
	needText(t, err, "optimizer_placement")
	_, err = l.model.NewTrainer(adapter, l.dataset, layers)
	needStatus(t, err, ErrUnsupported)
}

func TestLayersThatAreRunAgainLearnTheSame(t *testing.T) {
	losses := map[ActivationPolicy][]float64{}
	for _, policy := range []ActivationPolicy{ActivationPolicyKeep, ActivationPolicyCheckpoint, ActivationPolicyAuto} {
		l := newLesson(t, 1)
		options := NewTrainerOptions()
		options.MaxSteps, options.LearningRate, options.ActivationCheckpointing = 4, 1e-2, policy
		trainer, err := l.model.NewTrainer(attach(t, l.model, "other"), l.dataset, options)
		for step, err := range closing(t, trainer, err).Steps(background) {
			need(t, err)
			losses[policy] = append(losses[policy], step.Loss)
		}
	}
	kept := losses[ActivationPolicyKeep]
	if len(kept) != 4 || kept[3] >= kept[0] || !slices.Equal(kept, losses[ActivationPolicyCheckpoint]) ||
		!slices.Equal(kept, losses[ActivationPolicyAuto]) {
		t.Fatal(losses)
	}
}

func TestEstimatesSeeTheSameOptions(t *testing.T) {
	c := newContext(t)
	plain, err := c.Estimate(tinyPath(t), nil)
	need(t, err)
	options := NewEstimateOptions()
	options.ModelOptions, options.TrainerOptions = NewModelOptions(), NewTrainerOptions()
	options.ModelOptions.QuantizeNF4 = NewQuantizeOptions()
	options.TrainerOptions.ActivationCheckpointing = ActivationPolicyCheckpoint
	small, err := c.Estimate(tinyPath(t), options)
	if err != nil || small.WeightBytes >= plain.WeightBytes || small.ActivationBytes >= plain.ActivationBytes ||
		small.HostBytes != 0 {
		t.Fatal(small, plain, err)
	}
	options.ModelOptions.QuantizeNF4 = &QuantizeOptions{}
	_, err = c.Estimate(tinyPath(t), options)
	needStatus(t, err, ErrInvalidArgument)
}
