//! The parts of a webhook body: what each becomes an item of, in a fixed order, cut out of its text as they stand.

use std::{collections::BTreeMap, rc::Rc};

use serde_json::{Value, value::RawValue};

use crate::{clock, value};

/// Members of a change's value that say where it happened.
const SCENERY: [&str; 3] = ["messaging_product", "metadata", "contacts"];

/// Where and with whom something happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// The WhatsApp Business account.
    pub(crate) account: Option<String>,
    /// What was subscribed to.
    pub(crate) field: String,
    /// `phone_number_id` and `display_phone_number`.
    pub(crate) metadata: Value,
    /// Who took part, as Meta describes them.
    pub(crate) contacts: Vec<Value>,
    /// A time for what tells none: that of its entry, else that of the first message or status beside it.
    pub(crate) time: Option<i64>,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A message that the business received, or sent by other means.
    Message,
    /// A message that the business sent from its phone.
    Echo,
    /// An older message of the chat with this id.
    History(String),
    /// What became of a message that was sent.
    Status,
    /// A call's begin or end.
    Call,
    /// A contact of the business's phone.
    State,
    /// A change of a group.
    Group,
    /// Errors by themselves.
    Errors,
    /// Anything else in a change, by this name.
    Unknown(String),
    /// It has not the shape that it should.
    Strange,
}

/// One thing of a body.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    /// Where.
    pub(crate) scene: Rc<Scene>,
    /// What.
    pub(crate) what: What,
    /// As it stands.
    pub(crate) raw: &'a str,
}

/// Why a body has no parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is no JSON.
    NotJson,
    /// It is no webhook.
    NotAWebhook,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

fn members(raw: &str) -> Option<Members<'_>> {
    serde_json::from_str(raw).ok()
}

fn elements(raw: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw).ok()
}

fn parsed(raw: Option<&&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The parts of a body, or of an array of bodies.
pub(crate) fn of_body(text: &str) -> Result<Vec<Part<'_>>, Problem> {
    if serde_json::from_str::<&RawValue>(text).is_err() {
        return Err(Problem::NotJson);
    }
    let mut parts = Vec::new();
    match elements(text) {
        Some(bodies) => {
            for body in bodies {
                if of_one(body.get(), &mut parts).is_err() {
                    parts.push(Part { scene: Rc::default(), what: What::Strange, raw: body.get() });
                }
            }
        }
        None => of_one(text, &mut parts)?,
    }
    // A body of which nothing was made is told of as a whole.
    if parts.is_empty() {
        parts.push(Part { scene: Rc::default(), what: What::Strange, raw: text });
    }
    Ok(parts)
}

fn of_one<'a>(text: &'a str, parts: &mut Vec<Part<'a>>) -> Result<(), Problem> {
    let body = members(text).ok_or(Problem::NotAWebhook)?;
    let entries = body.get("entry").and_then(|entry| elements(entry.get())).ok_or(Problem::NotAWebhook)?;
    if !matches!(parsed(body.get("object")).as_str(), None | Some("whatsapp_business_account")) {
        return Err(Problem::NotAWebhook);
    }
    for entry in entries {
        let found = members(entry.get());
        let changes = found.as_ref().and_then(|found| elements(found.get("changes")?.get()));
        let (Some(found), Some(changes)) = (found, changes) else {
            parts.push(Part { scene: Rc::default(), what: What::Strange, raw: entry.get() });
            continue;
        };
        let about = serde_json::json!({ "id": parsed(found.get("id")), "time": parsed(found.get("time")) });
        for change in changes {
            let before = parts.len();
            let scene = Scene {
                account: value::scalar(&about, "id"),
                time: clock::milliseconds(&about, "time").ok(),
                ..Scene::default()
            };
            let scene = of_change(change.get(), scene, parts);
            if parts.len() == before {
                let what =
                    What::Unknown(if scene.field.is_empty() { "change".to_owned() } else { scene.field.clone() });
                parts.push(Part { scene: Rc::new(scene), what, raw: change.get() });
            }
        }
    }
    Ok(())
}

/// The parts of a change; none where all of it is one.
fn of_change<'a>(raw: &'a str, mut scene: Scene, parts: &mut Vec<Part<'a>>) -> Scene {
    let Some(change) = members(raw) else { return scene };
    scene.field = parsed(change.get("field")).as_str().unwrap_or_default().to_owned();
    let Some(of_value) = change.get("value").and_then(|value| members(value.get())) else { return scene };
    scene.metadata = parsed(of_value.get("metadata"));
    if let Value::Array(contacts) = parsed(of_value.get("contacts")) {
        scene.contacts = contacts;
    }
    let lists = ["messages", "message_echoes", "statuses", "calls"];
    // Lists of events first, then whatever tells a time.
    let names = lists.into_iter().chain(of_value.keys().map(String::as_str).filter(|name| !SCENERY.contains(name)));
    let beside = names.filter_map(|name| of_value.get(name)).find_map(|found| {
        let first = elements(found.get()).and_then(|found| found.first().copied()).unwrap_or(found);
        clock::milliseconds(&parsed(Some(&first)), "timestamp").ok()
    });
    let own = serde_json::json!({ "timestamp": parsed(of_value.get("timestamp")) });
    let beside = beside.or_else(|| clock::milliseconds(&own, "timestamp").ok());
    scene.time = scene.time.or(beside);
    let known = lists.into_iter().chain(["history", "state_sync", "groups", "errors"]);
    let knows_all = of_value.keys().any(|name| known.clone().any(|known| known == name));
    // What has none of the known lists is one thing, of which its other members are facts.
    let others = of_value.keys().map(String::as_str).filter(|name| knows_all && !SCENERY.contains(name));
    let names: Vec<&str> =
        known.clone().chain(others.filter(|name| !known.clone().any(|known| known == *name))).collect();
    let scene = Rc::new(scene);
    let mut push = |what: What, raw: &'a str| parts.push(Part { scene: Rc::clone(&scene), what, raw });
    for name in names {
        let Some(raw) = of_value.get(name) else { continue };
        let Some(found) = elements(raw.get()) else {
            push(
                if known.clone().any(|known| known == name) { What::Strange } else { What::Unknown(name.to_owned()) },
                raw.get(),
            );
            continue;
        };
        for element in found {
            let raw = element.get();
            if name == "history" {
                of_history(raw, &mut push);
                continue;
            }
            let what = match name {
                "messages" => What::Message,
                "message_echoes" => What::Echo,
                "statuses" => What::Status,
                "calls" => What::Call,
                "state_sync" => What::State,
                "groups" => What::Group,
                "errors" => What::Errors,
                name => What::Unknown(name.to_owned()),
            };
            push(what, raw);
        }
    }
    Rc::unwrap_or_clone(scene)
}

/// A chunk of older messages, chat by chat.
fn of_history<'a>(raw: &'a str, push: &mut impl FnMut(What, &'a str)) {
    let Some(chunk) = members(raw) else { return push(What::Strange, raw) };
    if let Some(errors) = chunk.get("errors") {
        push(What::Errors, errors.get());
    }
    let Some(threads) = chunk.get("threads") else {
        if !chunk.contains_key("errors") {
            push(What::Unknown("history".to_owned()), raw);
        }
        return;
    };
    let Some(threads) = elements(threads.get()) else { return push(What::Strange, raw) };
    if threads.is_empty() {
        push(What::Unknown("history".to_owned()), raw);
    }
    for thread in threads {
        let found = members(thread.get());
        let messages = found.as_ref().and_then(|found| elements(found.get("messages")?.get()));
        let id = found.as_ref().map(|found| serde_json::json!({ "id": parsed(found.get("id")) }));
        match (id, messages) {
            (Some(id), Some(messages)) if !messages.is_empty() => {
                let id = value::scalar(&id, "id").unwrap_or_default();
                for message in messages {
                    push(What::History(id.clone()), message.get());
                }
            }
            _ => push(What::Unknown("history".to_owned()), thread.get()),
        }
    }
}
