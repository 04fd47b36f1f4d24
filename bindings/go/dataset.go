package peft

import (
	"context"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// LabelIgnored is the label of a token that has no loss.
const LabelIgnored int32 = -100

// Dataset holds encoded rows and never changes.
type Dataset struct{ object }

// Row is one row of tokens. LabelKind follows from Labels where it is LabelKindNextToken.
type Row struct {
	IDs        []int32
	Labels     []int32
	LabelKind  LabelKind
	TypeIDs    []int32
	DecoderIDs []int32
	// The number to predict, for LabelKindValue.
	Value float32
}

// rowsOf copies rows for a call; delete what it gives.
func rowsOf(rows []Row) native.PeftRows {
	made := native.NewPeftRows()
	for _, row := range rows {
		if row.LabelKind == LabelKindNextToken {
			made.Add(row.IDs, row.Labels)
		} else {
			made.Add_kind(int(row.LabelKind), row.IDs, row.Labels)
		}
		if row.TypeIDs != nil {
			made.Set_type_ids(row.TypeIDs)
		}
		if row.DecoderIDs != nil {
			made.Set_decoder_ids(row.DecoderIDs)
		}
		if row.LabelKind == LabelKindValue {
			made.Set_value(row.Value)
		}
	}
	return made
}

// DatasetFromFile reads a file of rows (.jsonl, .json, .txt). The tokenizer may be nil for rows of tokens.
func (c *Context) DatasetFromFile(ctx context.Context, tokenizer *Tokenizer, path string,
	options *DatasetOptions) (*Dataset, error) {
	if err := checkName(path); err != nil {
		return nil, err
	}
	return c.dataset(ctx, tokenizer, options,
		func(context, tokenizer int64, n native.Peft_dataset_options, made []int64) int64 {
			return native.Peft_dataset_from_file(context, tokenizer, path, n, made)
		})
}

// DatasetFromText reads rows from text in memory, in the form that a file would have.
func (c *Context) DatasetFromText(ctx context.Context, tokenizer *Tokenizer, text string,
	options *DatasetOptions) (*Dataset, error) {
	return c.dataset(ctx, tokenizer, options,
		func(context, tokenizer int64, n native.Peft_dataset_options, made []int64) int64 {
			return native.Peft_dataset_from_text(context, tokenizer, text, n, made)
		})
}

// DatasetFromRows copies rows of tokens.
func (c *Context) DatasetFromRows(ctx context.Context, rows []Row, options *DatasetOptions) (*Dataset, error) {
	given := rowsOf(rows)
	defer native.DeletePeftRows(given)
	return c.dataset(ctx, nil, options,
		func(context, _ int64, n native.Peft_dataset_options, made []int64) int64 {
			return native.Peft_dataset_from_rows(context, given.Swigcptr(), n, made)
		})
}

func (c *Context) dataset(ctx context.Context, tokenizer *Tokenizer, options *DatasetOptions,
	call func(context, tokenizer int64, n native.Peft_dataset_options, made []int64) int64) (*Dataset, error) {
	defer runtime.KeepAlive(c)
	defer runtime.KeepAlive(tokenizer)
	handle, err := c.handle()
	if err != nil {
		return nil, err
	}
	var encoder int64
	if tokenizer != nil {
		if encoder, err = tokenizer.handle(); err != nil {
			return nil, err
		}
	}
	n, err := options.native()
	if err != nil {
		return nil, err
	}
	defer native.DeletePeft_dataset_options(n)
	made := make([]int64, 1)
	_, err = cancellable(ctx, func(token int64) int64 {
		n.SetCancel(token)
		return call(handle, encoder, n, made)
	})
	if err != nil {
		return nil, err
	}
	d := &Dataset{}
	return own(d, &d.object, "data set", made[0], native.Peft_dataset_free), nil
}

// Info reads what the data set holds.
func (d *Dataset) Info() (DatasetInfo, error) {
	defer runtime.KeepAlive(d)
	handle, err := d.handle()
	if err != nil {
		return DatasetInfo{}, err
	}
	n := native.NewPeft_dataset_info()
	defer native.DeletePeft_dataset_info(n)
	if err := fails(native.Peft_dataset_get_info(handle, n)); err != nil {
		return DatasetInfo{}, err
	}
	return datasetInfoOf(n), nil
}

// Row copies one column of a row; ErrNotFound past the end.
func (d *Dataset) Row(row int64, part RowPart) ([]int32, error) {
	defer runtime.KeepAlive(d)
	handle, err := d.handle()
	if err != nil {
		return nil, err
	}
	return integers(func(buffer native.PeftBuffer) int64 {
		return native.Peft_dataset_row(handle, row, native.Peft_row_part(part), buffer.Swigcptr())
	})
}
