//! Data sets: rows of tokens with labels, from files, from text in memory, or from token rows.

use std::path::Path;
use std::ptr;

use libpeft_sys as sys;

use crate::cancel::CancelToken;
use crate::context::Context;
use crate::convert::{Keep, ToRaw};
use crate::enums::Choice;
use crate::error::{Error, ErrorCode, Result};
use crate::output::array;
use crate::tokenizer::Tokenizer;

/// Label of a token that has no loss, as in Transformers.
pub const LABEL_IGNORED: i32 = sys::PEFT_LABEL_IGNORED;

handle! {
    /// Encoded rows. Never changes; any thread may use it at any time.
    Dataset, peft_dataset, peft_dataset_free, Sync
}

enumeration! {
    /// What the labels of a row mean.
    LabelKind, peft_label_kind {
        /// No labels given: each token predicts the next one.
        NextToken = PEFT_LABEL_NEXT_TOKEN,
        /// `labels[i]` is `ids[i]`, or [`LABEL_IGNORED`]: no loss on predicting it.
        Tokens = PEFT_LABEL_TOKENS,
        /// `labels[0]` is the class of the row.
        Class = PEFT_LABEL_CLASS,
        /// `labels[0]`, `labels[1]`: first and last token of the answer.
        Span = PEFT_LABEL_SPAN,
        /// `values[0]` is the number to predict.
        Value = PEFT_LABEL_VALUE,
    }
}

enumeration! {
    /// Shapes of rows in files and text.
    DataFormat, peft_data_format {
        /// Found by the file's name and first row.
        Auto = PEFT_DATA_AUTO,
        /// JSONL, {"messages": [...]} or {"conversations": [...]}.
        Chat = PEFT_DATA_CHAT,
        /// JSONL, {"instruction", "input"?, "output"}.
        Instruction = PEFT_DATA_INSTRUCTION,
        /// JSONL, {"prompt", "completion"}.
        PromptCompletion = PEFT_DATA_PROMPT_COMPLETION,
        /// JSONL, {"text"}.
        Text = PEFT_DATA_TEXT,
        /// Plain text, cut into rows.
        Plain = PEFT_DATA_PLAIN,
        /// JSONL, {"token_ids", "labels"?}; needs no tokenizer.
        Tokens = PEFT_DATA_TOKENS,
    }
}

enumeration! {
    /// Columns of a row.
    RowPart, peft_row_part {
        /// Tokens.
        Ids = PEFT_ROW_IDS,
        /// Labels, [`LABEL_IGNORED`] where there is no loss.
        Labels = PEFT_ROW_LABELS,
        /// Token types; none if the row has none.
        TypeIds = PEFT_ROW_TYPE_IDS,
        /// Tokens of the decoder; none if the row has none.
        DecoderIds = PEFT_ROW_DECODER_IDS,
    }
}

options! {
    /// How rows become tokens.
    DatasetOptions<'a>, peft_dataset_options, peft_dataset_options_init {
        /// Found unless set.
        format: DataFormat,
        /// Longer rows are cut at the right and counted; 2048 unless set; 0 is never.
        max_seq_len: i64,
        /// Loss on answers alone; by the format unless set.
        completion_only: Choice,
        /// Text, instruction and completion rows end with the tokenizer's end of sequence; so unless set.
        append_eos: bool,
        /// Special tokens around a row; as the tokenizer has them unless set.
        add_special: Choice,
        /// A Jinja template instead of the tokenizer's own.
        chat_template: String,
        /// Rows before this one are left out.
        first_row: i64,
        /// Rows to take; all unless set.
        row_count: i64,
        /// Stops it.
        cancel: &'a CancelToken,
    }
}

figures! {
    /// What a data set holds.
    DatasetInfo, peft_dataset_info {
        /// As found or as asked for.
        format: DataFormat,
        /// Rows that can be used.
        rows: i64,
        /// Tokens of these rows.
        tokens: i64,
        /// Of which bear a loss: a row's first token never does.
        loss_tokens: i64,
        /// In tokens.
        longest_row: i64,
        /// Rows that were cut.
        truncated_rows: i64,
        /// Rows left out since no token bears a loss.
        masked_rows: i64,
        /// Rows left out since they hold nothing.
        empty_rows: i64,
        /// Loss on answers alone.
        completion_only: bool,
        /// The end of sequence was appended.
        appended_eos: bool,
        /// What was found, in words for the user.
        summary: String,
    }
}

/// One row of tokens, borrowed for the call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row<'a> {
    /// Tokens.
    pub ids: &'a [i32],
    /// What the labels mean; tokens where there are labels and this is not set.
    pub label_kind: Option<LabelKind>,
    /// A token type for each of `ids`.
    pub type_ids: Option<&'a [i32]>,
    /// Tokens of the decoder of an encoder-decoder model.
    pub decoder_ids: Option<&'a [i32]>,
    /// After `label_kind`.
    pub labels: Option<&'a [i32]>,
    /// After `label_kind`.
    pub values: Option<&'a [f32]>,
}

impl<'a> Row<'a> {
    /// A row whose tokens predict each other.
    pub fn tokens(ids: &'a [i32]) -> Self {
        Self { ids, ..Self::default() }
    }

    /// A row with a label for each token, [`LABEL_IGNORED`] where there is no loss.
    pub fn labelled(ids: &'a [i32], labels: &'a [i32]) -> Self {
        Self { ids, labels: Some(labels), ..Self::default() }
    }

    fn raw(&self) -> Result<sys::peft_row> {
        // The library reads as many of them as there are ids.
        if self.type_ids.is_some_and(|types| types.len() != self.ids.len()) {
            return Err(Error::new(ErrorCode::InvalidArgument, "row: type_ids and ids differ in number"));
        }
        let labelled = if self.labels.is_some() { LabelKind::Tokens } else { LabelKind::NextToken };
        let (ids, id_count) = parts(Some(self.ids));
        let (decoder_ids, decoder_id_count) = parts(self.decoder_ids);
        let (labels, label_count) = parts(self.labels);
        let (values, value_count) = parts(self.values);
        Ok(sys::peft_row {
            struct_size: size_of::<sys::peft_row>() as u32,
            label_kind: self.label_kind.unwrap_or(labelled).to_raw(&mut Keep::default())?,
            ids,
            id_count,
            type_ids: parts(self.type_ids).0,
            decoder_ids,
            decoder_id_count,
            labels,
            label_count,
            values,
            value_count,
        })
    }
}

fn parts<T>(values: Option<&[T]>) -> (*const T, i64) {
    match values {
        Some(values) if !values.is_empty() => (values.as_ptr(), values.len() as i64),
        _ => (ptr::null(), 0),
    }
}

/// The rows as the library takes them. They lead to what `rows` borrows.
pub(crate) fn raw_rows(rows: &[Row<'_>]) -> Result<Vec<sys::peft_row>> {
    rows.iter().map(Row::raw).collect()
}

impl DatasetOptions<'_> {
    /// Reads a file of rows (.jsonl, .json, .txt). Rows of tokens need no tokenizer.
    pub fn from_file(
        &self,
        context: &Context,
        tokenizer: Option<&Tokenizer>,
        path: impl AsRef<Path>,
    ) -> Result<Dataset> {
        let mut keep = Keep::default();
        let path = keep.path(path.as_ref())?;
        let raw = self.raw(&mut keep)?;
        let tokenizer = tokenizer.map_or(ptr::null_mut(), Tokenizer::raw);
        Dataset::create(|out| unsafe {
            sys::peft_dataset_from_file(context.raw(), tokenizer, path, &raw, out)
        })
    }

    /// Reads rows from text in memory, in the form that a file would have.
    pub fn from_text(&self, context: &Context, tokenizer: Option<&Tokenizer>, text: &str) -> Result<Dataset> {
        let mut keep = Keep::default();
        let raw = self.raw(&mut keep)?;
        let tokenizer = tokenizer.map_or(ptr::null_mut(), Tokenizer::raw);
        let (begin, length) = (text.as_ptr().cast(), text.len());
        Dataset::create(|out| unsafe {
            sys::peft_dataset_from_text(context.raw(), tokenizer, begin, length, &raw, out)
        })
    }

    /// Copies rows of tokens.
    pub fn from_rows(&self, context: &Context, rows: &[Row<'_>]) -> Result<Dataset> {
        let mut keep = Keep::default();
        let raw = self.raw(&mut keep)?;
        let rows = raw_rows(rows)?;
        Dataset::create(|out| unsafe {
            sys::peft_dataset_from_rows(context.raw(), rows.as_ptr(), rows.len(), &raw, out)
        })
    }
}

impl Dataset {
    /// Reads a file of rows.
    pub fn from_file(
        context: &Context,
        tokenizer: Option<&Tokenizer>,
        path: impl AsRef<Path>,
    ) -> Result<Self> {
        DatasetOptions::new().from_file(context, tokenizer, path)
    }

    /// Reads rows from text in memory.
    pub fn from_text(context: &Context, tokenizer: Option<&Tokenizer>, text: &str) -> Result<Self> {
        DatasetOptions::new().from_text(context, tokenizer, text)
    }

    /// Copies rows of tokens.
    pub fn from_rows(context: &Context, rows: &[Row<'_>]) -> Result<Self> {
        DatasetOptions::new().from_rows(context, rows)
    }

    /// What the data set holds.
    pub fn info(&self) -> Result<DatasetInfo> {
        DatasetInfo::read(|info| unsafe { sys::peft_dataset_get_info(self.raw(), info) })
    }

    /// One column of a row.
    pub fn row(&self, row: i64, part: RowPart) -> Result<Vec<i32>> {
        let part = part.to_raw(&mut Keep::default())?;
        array(0, |data, cap, len| unsafe { sys::peft_dataset_row(self.raw(), row, part, data, cap, len) })
            .map(|(_, values)| values)
    }
}

impl ToRaw for &Dataset {
    type Raw = *const sys::peft_dataset;
    fn to_raw(&self, _: &mut Keep) -> Result<Self::Raw> {
        Ok(Dataset::raw(self))
    }
}
