//! What became of messages, and calls.

use kit::{Call, CallOutcome, Direction, Event, Item, Reference};
use serde_json::Value;

use crate::{
    clock, identity,
    item::{Maker, Trouble, hashed, note},
    parts::Part,
    people, text as words,
    value::{list, scalar, text},
};

impl Maker<'_> {
    /// A message was sent, delivered, read, played, or failed.
    pub(crate) fn status(&mut self, part: &Part<'_>, record: &Value) -> Result<Item, Trouble> {
        let sent_at = clock::milliseconds(record, "timestamp")?;
        let is_group = text(record, "recipient_type") == Some("group");
        let recipient = scalar(record, "recipient_id");
        let group = recipient.clone().filter(|_| is_group);
        let (number, user_id) = if is_group {
            (scalar(record, "recipient_participant_id"), scalar(record, "recipient_participant_user_id"))
        } else {
            (recipient, scalar(record, "recipient_user_id"))
        };
        let of_whom = people::user(&part.scene, number.as_deref(), user_id.as_deref());
        let who = of_whom.as_ref().map_or(String::new(), |person| person.id.clone());
        let (mut item, _) = self.bare(part, Event::Other, sent_at, of_whom, group.as_deref());
        let status = text(record, "status").unwrap_or("unknown").to_lowercase();
        let is_call = text(record, "type") == Some("call");
        match text(record, "id") {
            Some(id) => {
                item.id = identity::short(format!("{id}:status:{status}:{who}:{}", sent_at / 1_000));
                let event = if is_call { Event::Call } else { Event::Message };
                item.refers_to = Some(Reference { id: identity::short(id.to_owned()), event, revision: 0 });
            }
            None => item.id = hashed(part, sent_at),
        }
        let errors = words::errors(list(record, "errors"));
        let why = if errors.is_empty() { String::new() } else { format!(": {errors}") };
        let what = if is_call { "Call" } else { "Message" };
        item.text = Some(format!("{what} {status}{why}"));
        note(&mut item, "kind", Some(if is_call { "call-status" } else { "status" }.to_owned()));
        note(&mut item, "status", Some(status));
        note(&mut item, "errors", Some(errors).filter(|told| !told.is_empty()));
        let pricing = record.get("pricing").unwrap_or(&Value::Null);
        note(&mut item, "pricing-category", scalar(pricing, "category"));
        note(&mut item, "callback-data", scalar(record, "biz_opaque_callback_data"));
        Ok(item)
    }

    /// A call: its end tells of it, its begin is a line beside it.
    pub(crate) fn call(&mut self, part: &Part<'_>, record: &Value) -> Result<Item, Trouble> {
        let told_at = clock::milliseconds(record, "timestamp");
        let from = scalar(record, "from");
        let own = scalar(&part.scene.metadata, "display_phone_number").as_deref().and_then(people::digits);
        let is_outgoing = match text(record, "direction") {
            Some("BUSINESS_INITIATED") => true,
            Some("USER_INITIATED") => false,
            _ => own.is_some() && from.as_deref().and_then(people::digits) == own,
        };
        let (number, user_id) = if is_outgoing {
            (scalar(record, "to"), scalar(record, "to_user_id"))
        } else {
            (from, scalar(record, "from_user_id"))
        };
        // Who calls and who is called may be told the wrong way round; the number of the business is known.
        let is_own = own.is_some() && number.as_deref().and_then(people::digits) == own;
        let number = if is_own { scalar(record, if is_outgoing { "from" } else { "to" }) } else { number };
        let user = people::user(&part.scene, number.as_deref(), user_id.as_deref());
        let happened = text(record, "event").unwrap_or("unknown").to_lowercase();
        let is_end = happened == "terminate";
        let sent_at = match clock::milliseconds(record, "start_time") {
            Ok(started) if is_end => started,
            _ => told_at?,
        };
        let event = if is_end { Event::Call } else { Event::Other };
        let (mut item, user) = self.bare(part, event, sent_at, user, None);
        item.sender = if is_outgoing { item.owner } else { user };
        item.direction = Some(if is_outgoing { Direction::Outgoing } else { Direction::Incoming });
        let id = text(record, "id").map(|id| identity::short(id.to_owned()));
        item.id = match &id {
            Some(id) if is_end => id.clone(),
            Some(id) => identity::short(format!("{id}:{happened}")),
            None => hashed(part, sent_at),
        };
        // Meta's pages show the status as text and in an array.
        let of_list = || list(record, "status").first().and_then(Value::as_str);
        let status = text(record, "status").or_else(of_list).map(str::to_lowercase);
        let seconds = scalar(record, "duration").and_then(|seconds| seconds.parse::<u64>().ok());
        if is_end {
            let outcome = match (status.as_deref(), seconds) {
                (Some("rejected"), _) => CallOutcome::Declined,
                (Some("failed"), _) => CallOutcome::Failed,
                (_, Some(1..)) => CallOutcome::Answered,
                (Some("completed"), _) => CallOutcome::Missed,
                _ => CallOutcome::Unknown,
            };
            let duration_ms = seconds.and_then(|seconds| seconds.checked_mul(1_000));
            item.call = Some(Call { video: false, outcome, duration_ms });
        } else {
            item.refers_to = id.map(|id| Reference { id, event: Event::Call, revision: 0 });
            item.text = Some(format!("Call: {happened}"));
        }
        note(&mut item, "kind", Some(format!("call-{happened}")));
        note(&mut item, "status", status);
        note(&mut item, "ended", scalar(record, "end_time"));
        let errors = words::errors(list(record, "errors"));
        note(&mut item, "errors", Some(errors).filter(|told| !told.is_empty()));
        note(&mut item, "callback-data", scalar(record, "biz_opaque_callback_data"));
        Ok(item)
    }
}
