//! What of a connector's items is archived: `scope = { mailboxes, kinds, conversations }`.
//!
//! Applied when an item is planned, after mapping. What a rule leaves out is recorded as excluded under the rule's
//! name, and counted; nothing is dropped silently.

use std::collections::BTreeSet;

use super::{Conversation, Event};

/// The rules in force; a list that is not there leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Kinds of items that are archived.
    pub kinds: Option<BTreeSet<Event>>,
    /// Conversations that are archived, by id or title.
    pub conversations: Option<Vec<Pattern>>,
    /// Mailboxes that get copies.
    pub mailboxes: Option<Vec<Pattern>>,
}

impl Scope {
    /// The name under which [`Scope::mailboxes`] leaves an item out.
    pub const MAILBOXES: &str = "scope.mailboxes";

    /// The rule that leaves an item out whoever took part in it.
    pub fn excludes(&self, event: Event, conversation: &Conversation) -> Option<&'static str> {
        if self.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&event)) {
            return Some("scope.kinds");
        }
        let is_meant = |pattern: &Pattern| {
            pattern.matches(&conversation.id) || conversation.title.as_ref().is_some_and(|title| pattern.matches(title))
        };
        let conversations = self.conversations.as_ref()?;
        (!conversations.iter().any(is_meant)).then_some("scope.conversations")
    }

    /// Whether a mailbox gets copies.
    pub fn has_mailbox(&self, address: &str) -> bool {
        self.mailboxes.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(address)))
    }

    /// What is left out, a line a rule, for people and for the record of settings.
    pub fn describe(&self) -> Vec<String> {
        let quoted = |patterns: &[Pattern]| {
            patterns.iter().map(|pattern| format!("`{}`", pattern.0)).collect::<Vec<_>>().join(", ")
        };
        let kinds = self.kinds.iter().map(|kinds| {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            format!("scope.kinds leaves out everything but {}", names.join(", "))
        });
        let conversations = self
            .conversations
            .iter()
            .map(|patterns| format!("scope.conversations leaves out every conversation but {}", quoted(patterns)));
        let mailboxes = self
            .mailboxes
            .iter()
            .map(|patterns| format!("{} leaves out every mailbox but {}", Self::MAILBOXES, quoted(patterns)));
        kinds.chain(conversations).chain(mailboxes).collect()
    }
}

/// A text in which `*` stands for anything; case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern as typed.
    ///
    /// # Errors
    /// An empty one is more likely a slip than a wish.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("an empty text matches nothing; write a name, or `*` for anything".to_owned()),
            text => Ok(Self(text.to_lowercase())),
        }
    }

    /// Whether the whole text is meant.
    pub fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut left) = text.strip_prefix(first) else { return false };
        let Some((between, last)) = rest.rsplit_once('*').or(Some(("", rest))) else { return false };
        for part in between.split('*') {
            let Some(at) = left.find(part) else { return false };
            left = &left[at + part.len()..];
        }
        left.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;
    use crate::item::ConversationKind;

    fn patterns(texts: &[&str]) -> Option<Vec<Pattern>> {
        Some(texts.iter().map(|text| Pattern::parse(text).unwrap()).collect())
    }

    #[test]
    fn patterns_mean_the_whole_text() {
        for (pattern, text, expect) in [
            ("anna@example.com", "Anna@Example.com", true),
            ("anna@example.com", "joanna@example.com", false),
            ("*@example.com", "anna@example.com", true),
            ("*@example.com", "anna@example.com.evil.org", false),
            ("project *", "Project Blue", true),
            ("project *", "my project blue", false),
            ("*blue*", "Project Blue 2", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "acb", false),
            ("a*b*c", "abc", true),
            ("a*b", "ab", true),
            ("ab*b", "ab", false),
            ("*", "", true),
            ("über*", "ÜBERSICHT", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(text), expect, "{pattern} on {text}");
        }
        assert!(Pattern::parse(" ").is_err());
    }

    #[test]
    fn each_rule_leaves_out_by_its_own_name_and_none_leaves_out_nothing() {
        let chat = Conversation {
            id: "c1".to_owned(),
            kind: ConversationKind::Group,
            title: Some("Project Blue".to_owned()),
            extensions: Vec::new(),
        };
        assert_eq!(Scope::default().excludes(Event::Call, &chat), None);
        assert!(Scope::default().has_mailbox("anna@example.com") && Scope::default().describe().is_empty());
        let scope = Scope {
            kinds: Some([Event::Message].into()),
            conversations: patterns(&["project *", "c7"]),
            mailboxes: patterns(&["*@example.com"]),
        };
        assert_eq!(scope.excludes(Event::Message, &chat), None);
        assert_eq!(scope.excludes(Event::Call, &chat), Some("scope.kinds"));
        let untitled = |id: &str| Conversation { id: id.to_owned(), title: None, ..chat.clone() };
        assert_eq!(scope.excludes(Event::Message, &untitled("c7")), None, "by its id");
        assert_eq!(scope.excludes(Event::Message, &untitled("c1")), Some("scope.conversations"));
        assert!(scope.has_mailbox("anna@example.com") && !scope.has_mailbox("anna@example.org"));
        assert_eq!(scope.describe().len(), 3);
    }
}
