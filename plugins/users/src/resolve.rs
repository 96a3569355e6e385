//! Which mailbox a participant has at a time.

use std::{borrow::Cow, collections::BTreeMap};

use kit::{
    Error, ErrorKind, Person,
    mapper::{Broken, Directory, Question, Resolution},
};

use crate::{
    address,
    mapping::{Found, Mapping},
    settings::Settings,
};

/// What is known of a participant before the directory is asked.
struct Candidate<'a> {
    /// The row that names them.
    row: Option<Found<'a>>,
    /// The e-mail property in comparable form.
    email: Option<Cow<'a, str>>,
    /// Whether there was a property that is not an address.
    email_is_broken: bool,
    /// Whether they are one of ours.
    internal: bool,
}

/// Answers each question: the mapping's row first, then the e-mail property, each valid only if the directory knows the
/// mailbox; else outside, unless the person is one of ours.
pub(crate) fn resolve(
    settings: &Settings,
    mapping: &Mapping,
    directory: &mut dyn Directory,
    questions: &[Question],
) -> Result<Vec<Resolution>, Error> {
    let candidates: Vec<Candidate<'_>> =
        questions.iter().map(|question| candidate(settings, mapping, question)).collect();
    let mut known = Known { mailboxes: BTreeMap::new(), directory };
    // The property is asked for only where there is no row, or the row's mailbox does not exist: two calls at most.
    known.look_up(candidates.iter().filter_map(|candidate| match candidate.row {
        Some(Found::Mailbox(_, mailbox)) => Some(mailbox),
        Some(Found::Unusable(_)) => None,
        None => candidate.email.as_deref().filter(|_| settings.automatic),
    }))?;
    known.look_up(
        candidates
            .iter()
            .filter_map(|candidate| match candidate.row {
                Some(Found::Mailbox(_, mailbox)) if settings.automatic && known.mailbox(mailbox).is_none() => {
                    candidate.email.as_deref()
                }
                _ => None,
            })
            .collect::<Vec<_>>()
            .into_iter(),
    )?;
    Ok(candidates.iter().map(|candidate| answer(settings, &known, candidate)).collect())
}

fn candidate<'a>(settings: &Settings, mapping: &'a Mapping, question: &'a Question) -> Candidate<'a> {
    let person = &question.person;
    let names = std::iter::once(person.id.as_str()).chain(person.phone.as_deref());
    let row = names.flat_map(|name| settings.keys.of_source(name)).find_map(|key| mapping.find(&key, question.at));
    let property = person.email.as_deref().filter(|property| !sheet::cell::trim(property).is_empty());
    let email = property.and_then(address::in_property);
    let internal = person.internal
        || email.as_deref().is_some_and(|email| settings.internal.has_domain(address::domain(email)))
        || has_internal_number(settings, person);
    Candidate { row, email_is_broken: property.is_some() && email.is_none(), email, internal }
}

fn has_internal_number(settings: &Settings, person: &Person) -> bool {
    !settings.internal.has_no_numbers()
        && [Some(person.id.as_str()), person.phone.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(|value| settings.keys.number(value))
            .any(|number| settings.internal.has_number(number))
}

fn answer(settings: &Settings, known: &Known<'_>, candidate: &Candidate<'_>) -> Resolution {
    if let Some(Found::Unusable(line)) = candidate.row {
        // No falling back: the operator did name this person, and the property may be the very thing to override.
        return broken(
            "mapping-row",
            format!("Line {line} of the mapping names this person but cannot be used; `mapping check` says why"),
        );
    }
    let row = match candidate.row {
        Some(Found::Mailbox(line, mailbox)) => Some((line, mailbox)),
        _ => None,
    };
    if let Some(mailbox) = row.and_then(|(_, mailbox)| known.mailbox(mailbox)) {
        return Resolution::Mailbox(mailbox.to_owned());
    }
    let email = candidate.email.as_deref().filter(|_| settings.automatic);
    if let Some(mailbox) = email.and_then(|email| known.mailbox(email)) {
        return Resolution::Mailbox(mailbox.to_owned());
    }
    match (row, email) {
        (Some((line, mailbox)), _) => broken(
            "mailbox-unknown",
            format!("Line {line} of the mapping names `{mailbox}`, which is not a mailbox; correct the line or create the mailbox"),
        ),
        (None, _) if !candidate.internal => Resolution::Outside,
        (None, Some(email)) => broken(
            "mailbox-unknown",
            format!("The source gives `{email}` for this person, which is not a mailbox; create it, or add a row to the mapping"),
        ),
        (None, None) if candidate.email_is_broken && settings.automatic => broken(
            "unmapped",
            "One of your people has no row in the mapping, and what the source gives is not an e-mail address; add a row".to_owned(),
        ),
        (None, None) => broken(
            "unmapped",
            "One of your people has neither a row in the mapping nor an e-mail address that counts; add a row".to_owned(),
        ),
    }
}

fn broken(code: &str, message: String) -> Resolution {
    Resolution::Broken(Broken { code: code.to_owned(), message })
}

/// The directory's answers in this call.
struct Known<'a> {
    mailboxes: BTreeMap<String, Option<String>>,
    directory: &'a mut dyn Directory,
}

impl Known<'_> {
    /// Asks for those of the addresses that were not asked for yet, each once, in ascending order.
    fn look_up<'b>(&mut self, addresses: impl Iterator<Item = &'b str>) -> Result<(), Error> {
        let mut asked: Vec<String> =
            addresses.filter(|address| !self.mailboxes.contains_key(*address)).map(str::to_owned).collect();
        asked.sort_unstable();
        asked.dedup();
        if asked.is_empty() {
            return Ok(());
        }
        let answers = self.directory.lookup(&asked);
        if answers.len() != asked.len() {
            let message = format!("The directory gave {} answers to {} addresses", answers.len(), asked.len());
            return Err(Error::new(ErrorKind::Other, "directory-answer", message));
        }
        self.mailboxes.extend(asked.into_iter().zip(answers));
        Ok(())
    }

    /// The canonical address of a mailbox that exists.
    fn mailbox(&self, address: &str) -> Option<&str> {
        self.mailboxes.get(address)?.as_deref()
    }
}
