//! `scope`, as typed and as meant.

use serde::Deserialize;

use crate::item::{
    Event,
    scope::{Pattern, Scope},
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    mailboxes: Option<Vec<String>>,
    kinds: Option<Vec<String>>,
    conversations: Option<Vec<String>>,
}

/// What was typed, meant.
pub(super) fn parse(typed: Typed) -> Result<Scope, String> {
    let Typed { mailboxes, kinds, conversations } = typed;
    let kind = |name: &String| {
        Event::ALL.into_iter().find(|event| event.name() == name).ok_or_else(|| {
            let names: Vec<_> = Event::ALL.iter().map(|event| event.name()).collect();
            format!("`scope.kinds` has `{name}`, which is no kind of item; there are {}", names.join(", "))
        })
    };
    let patterns = |key: &str, texts: Vec<String>| {
        let parsed = filled(key, texts)?.iter().map(|text| Pattern::parse(text)).collect::<Result<Vec<_>, _>>();
        parsed.map_err(|why| format!("`scope.{key}`: {why}"))
    };
    Ok(Scope {
        kinds: kinds.map(|names| filled("kinds", names)?.iter().map(kind).collect()).transpose()?,
        conversations: conversations.map(|texts| patterns("conversations", texts)).transpose()?,
        mailboxes: mailboxes.map(|texts| patterns("mailboxes", texts)).transpose()?,
    })
}

/// An empty list would leave everything out: more likely a slip than a wish.
fn filled(key: &str, list: Vec<String>) -> Result<Vec<String>, String> {
    match list.is_empty() {
        true => {
            Err(format!("`scope.{key}` is empty and would leave everything out; leave the key away to archive all"))
        }
        false => Ok(list),
    }
}
