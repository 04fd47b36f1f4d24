package peft

import "libpeft.org/go/peft/internal/native"

// DatasetOptions: how rows become tokens. Made by NewDatasetOptions, which fills in the defaults.
type DatasetOptions struct {
	made bool
	// Default DataFormatAuto.
	Format DataFormat
	// Longer rows are cut at the right and counted; default 2048 (common practice); 0 = never.
	MaxSeqLen int64
	// Loss on answers alone; default auto: yes for chat, instruction and prompt/completion rows, no for
	// text.
	CompletionOnly Choice
	// 1 (default): text, instruction and completion rows end with the tokenizer's EOS; chat rows end as the
	// template has it.
	AppendEOS bool
	// Special tokens around a row; default auto: as the tokenizer has them, none where a chat template made
	// the text.
	AddSpecial Choice
	// A Jinja template instead of the tokenizer's own; default none.
	ChatTemplate string
	// Rows before this one are left out; default 0.
	FirstRow int64
	// Rows to take; default 0 = all.
	RowCount int64
}

// NewDatasetOptions gives the defaults.
func NewDatasetOptions() *DatasetOptions {
	n := native.NewPeft_dataset_options()
	defer native.DeletePeft_dataset_options(n)
	return &DatasetOptions{
		made:           true,
		Format:         DataFormat(n.GetFormat()),
		MaxSeqLen:      n.GetMax_seq_len(),
		CompletionOnly: Choice(n.GetCompletion_only()),
		AppendEOS:      n.GetAppend_eos() != 0,
		AddSpecial:     Choice(n.GetAdd_special()),
		ChatTemplate:   n.GetChat_template(),
		FirstRow:       n.GetFirst_row(),
		RowCount:       n.GetRow_count(),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *DatasetOptions) native() (native.Peft_dataset_options, error) {
	n := native.NewPeft_dataset_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("DatasetOptions", o.made)
	n.SetFormat(native.Peft_data_format(o.Format))
	n.SetMax_seq_len(o.MaxSeqLen)
	n.SetCompletion_only(native.Peft_choice(o.CompletionOnly))
	n.SetAppend_eos(number(o.AppendEOS))
	n.SetAdd_special(native.Peft_choice(o.AddSpecial))
	if o.ChatTemplate != "" {
		n.SetChat_template(check.name(o.ChatTemplate))
	}
	n.SetFirst_row(o.FirstRow)
	n.SetRow_count(o.RowCount)
	if check.failed != nil {
		native.DeletePeft_dataset_options(n)
		return nil, check.failed
	}
	return n, nil
}

// DatasetInfo: what a data set holds.
type DatasetInfo struct {
	// As found or as asked for.
	Format DataFormat
	// Rows that can be used.
	Rows int64
	// Of these rows.
	Tokens int64
	// Of which bear a loss: a row's first token never does.
	LossTokens int64
	// In tokens.
	LongestRow int64
	// Rows that were cut at MaxSeqLen.
	TruncatedRows int64
	// Rows left out since no token bears a loss.
	MaskedRows int64
	// Rows left out since they hold nothing.
	EmptyRows int64
	// 1: loss on answers alone.
	CompletionOnly bool
	// 1: EOS was appended.
	AppendedEOS bool
	// What was found, in words for the user, cut to fit.
	Summary string
}

func datasetInfoOf(n native.Peft_dataset_info) DatasetInfo {
	return DatasetInfo{
		Format:         DataFormat(n.GetFormat()),
		Rows:           n.GetRows(),
		Tokens:         n.GetTokens(),
		LossTokens:     n.GetLoss_tokens(),
		LongestRow:     n.GetLongest_row(),
		TruncatedRows:  n.GetTruncated_rows(),
		MaskedRows:     n.GetMasked_rows(),
		EmptyRows:      n.GetEmpty_rows(),
		CompletionOnly: n.GetCompletion_only() != 0,
		AppendedEOS:    n.GetAppended_eos() != 0,
		Summary:        n.GetSummary(),
	}
}
