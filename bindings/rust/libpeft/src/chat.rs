//! Conversations and how they are rendered.

options! {
    /// How to render a conversation.
    ChatOptions, peft_chat_options, peft_chat_options_init {
        /// End with what the assistant's answer begins after; so unless set.
        add_generation_prompt: bool,
        /// A Jinja template instead of the tokenizer's own.
        chat_template: String,
        /// JSON array of tool descriptions for the template.
        tools_json: String,
    }
}

/// Messages of a chat, as the JSON array of {"role", "content"} objects that templates take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    json: String,
}

impl Default for Conversation {
    fn default() -> Self {
        Self::new()
    }
}

impl Conversation {
    /// No message yet.
    pub fn new() -> Self {
        Self { json: "[]".to_string() }
    }

    /// Messages that are JSON already, with whatever their template knows beside role and content.
    pub fn from_json(json: impl Into<String>) -> Self {
        Self { json: json.into() }
    }

    /// The JSON array.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Appends a message.
    pub fn push(&mut self, role: &str, content: &str) {
        let message = serde_json::json!({ "role": role, "content": content });
        let end = self.json.trim_end().strip_suffix(']').unwrap_or(&self.json).trim_end().len();
        self.json.truncate(end);
        if !self.json.ends_with('[') {
            self.json.push(',');
        }
        self.json.push_str(&message.to_string());
        self.json.push(']');
    }

    /// Appends what the user says.
    #[must_use]
    pub fn user(mut self, content: &str) -> Self {
        self.push("user", content);
        self
    }

    /// Appends what the assistant has answered.
    #[must_use]
    pub fn assistant(mut self, content: &str) -> Self {
        self.push("assistant", content);
        self
    }

    /// Appends what the assistant is told before all.
    #[must_use]
    pub fn system(mut self, content: &str) -> Self {
        self.push("system", content);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Conversation;

    #[test]
    fn text_is_escaped() {
        let chat = Conversation::new().system("be \"brief\"").user("a\nb\0😀");
        let expected =
            r#"[{"content":"be \"brief\"","role":"system"},{"content":"a\nb\u0000😀","role":"user"}]"#;
        assert_eq!(chat.as_json(), expected);
        assert_eq!(Conversation::from_json("[ ]").user("x").as_json(), r#"[{"content":"x","role":"user"}]"#);
    }
}
