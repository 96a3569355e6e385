//! What the site says of the account: who it is, who its users are, how much a window holds.

use kit::{
    Error, ErrorKind, Host, Person, Window,
    source::{Account, Counts},
};

use crate::{
    answer,
    cursor::Cursor,
    identity,
    settings::Settings,
    site,
    wire::{WireAccount, WireCount, WirePerson, WireUser, WireUsers},
};

/// Signs in (through the host), looks at the account and its users, changes nothing.
pub(crate) fn check(host: &mut dyn Host, settings: &Settings) -> Result<Account, Error> {
    let response = site::account(host, settings)?;
    let account: WireAccount = answer::json(site::ACCOUNT, &response)?;
    if account.id.is_empty() {
        return Err(answer::unexpected(ErrorKind::Other, format!("`{}` answered an empty `id`", site::ACCOUNT)));
    }
    let users = roster(host, settings)?;
    let without_email = users.iter().filter(|user| user.email.is_none()).count();
    let suspended = users.iter().filter(|user| status(user) == Some("suspended")).count();
    let archiver = settings.archiver;
    let is_ours =
        |name: &String| name.strip_prefix(archiver).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    let mut findings = vec![format!("users: {}, of them suspended: {suspended}", users.len())];
    if without_email > 0 {
        findings.push(format!(
            "users without an e-mail address: {without_email}; only a mapping file can give them a mailbox"
        ));
    }
    findings.push(if account.archivers.iter().any(is_ours) {
        format!("archivers of the account: {}", account.archivers.join(", "))
    } else {
        format!("warning: the account has no archiver for `{archiver}`; it has: {}", account.archivers.join(", "))
    });
    Ok(Account { id: account.id, name: account.name, findings })
}

/// Every user the organisation registered, suspended ones too: their old messages still come.
pub(crate) fn roster(host: &mut dyn Host, settings: &Settings) -> Result<Vec<Person>, Error> {
    let mut people = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let response = site::users(host, settings, cursor.as_ref().map(|cursor| cursor.site.as_str()))?;
        let page: WireUsers = answer::json(site::USERS, &response)?;
        for user in page.users {
            let place = people.len();
            people.push(person(user).ok_or_else(|| {
                answer::unexpected(
                    ErrorKind::Other,
                    format!("`{}` answered a user (number {place}) without number, id, e-mail and name", site::USERS),
                )
            })?);
        }
        match page.next {
            Some(next) => cursor = Some(Cursor::after(site::USERS, cursor.as_ref(), next)?),
            None => return Ok(people),
        }
    }
}

/// How many deliveries the window holds.
pub(crate) fn totals(host: &mut dyn Host, settings: &Settings, window: Window) -> Result<Counts, Error> {
    let response = site::items_count(host, settings, window)?;
    let count: WireCount = answer::json(site::ITEMS_COUNT, &response)?;
    Ok(Counts { observations: count.count, extensions: Vec::new() })
}

fn person(user: WireUser) -> Option<Person> {
    let wire = WirePerson { user_id: user.user_id, phone: user.phone, name: user.name, email: user.email };
    let mut person = identity::person(&wire)?;
    person.internal = true;
    person.extensions.extend(identity::filled(&user.status).map(|status| ("status".to_owned(), status)));
    Some(person)
}

fn status(person: &Person) -> Option<&str> {
    person.extensions.iter().find(|(name, _)| name == "status").map(|(_, status)| status.as_str())
}
