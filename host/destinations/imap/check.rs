//! What `connector check` says of a mail server: one line a finding, with what mends it.

use super::{
    offers::Ladder,
    pool::{NoEntry, Pool},
    session::{Session, greet},
    settings::Security,
};
use crate::{
    destinations::{Finding, Mailboxes},
    item::limits,
};

/// Looks at the server, then at some mailboxes. Nothing is changed: a folder that is missing is not made.
pub(super) async fn check(pool: &Pool, mailboxes: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let reached = match pool.settings.security {
        Security::Tls => "reached; its certificate is trusted",
        Security::Starttls => "reached; encrypted by STARTTLS, its certificate is trusted",
        Security::None => "reached on this machine, without encryption",
    };
    match greet(&pool.settings, &pool.dialer, pool.times).await {
        Ok(_) => findings.push(Finding::good(reached)),
        Err(failure) => return vec![failure.into()],
    }
    let tried = to_try(pool, mailboxes);
    if tried.is_empty() {
        let hint =
            "name one by `mailboxes = { addresses = […] }`, or run `chancery sync` with a small `--window` first";
        findings.push(Finding {
            hint: Some(hint.to_owned()),
            ..Finding::good("signing in was not tried: no mailbox is known yet")
        });
    }
    let mut is_described = false;
    for mailbox in tried {
        match pool.enter(&mailbox).await {
            Ok(mut session) => {
                findings.push(entered(pool, &mailbox, &session));
                if !is_described {
                    is_described = true;
                    findings.extend(describe(pool, &mut session).await);
                }
            }
            Err(NoEntry::Denied(failure)) => {
                let text = format!("`{mailbox}`: {} ({})", failure.message, failure.code);
                let hint = "check the credential's user name and secret, and the account's right to open this mailbox";
                findings.push(Finding::bad(text, hint));
            }
            Err(NoEntry::Failed(failure)) => {
                findings.push(Finding {
                    text: format!("`{mailbox}`: {} ({})", failure.message, failure.code),
                    ..failure.into()
                });
            }
        }
    }
    findings
}

fn to_try(pool: &Pool, mailboxes: &[String]) -> Vec<String> {
    let own: Vec<String> = match &pool.settings.mailboxes {
        Mailboxes::Addresses(addresses) => addresses.iter().cloned().collect(),
        Mailboxes::Domains(_) | Mailboxes::Existing => Vec::new(),
    };
    let mut tried: Vec<String> = Vec::new();
    for mailbox in own.into_iter().chain(mailboxes.iter().cloned()) {
        if !tried.contains(&mailbox) && tried.len() < limits::IMAP_CHECKED_MAILBOXES_MAX {
            tried.push(mailbox);
        }
    }
    tried
}

fn entered(pool: &Pool, mailbox: &str, session: &Session) -> Finding {
    let folder = &pool.settings.folder;
    Finding::good(if session.folder_is_there {
        format!("`{mailbox}`: signed in; the folder `{folder}` is there")
    } else {
        format!("`{mailbox}`: signed in; the folder `{folder}` is made with the first copy")
    })
}

/// What the server can, and what the first mailbox holds.
async fn describe(pool: &Pool, session: &mut Session) -> Vec<Finding> {
    let mut findings = vec![Finding::good(format!("takes {}", Ladder::of(&session.offers).words()))];
    let wanted = pool.settings.message_bytes_max;
    findings.push(match (session.offers.append_limit_bytes(), wanted) {
        (None, _) => Finding::good("does not say how large a message may be (APPENDLIMIT)"),
        (Some(limit), Some(wanted)) if wanted <= limit => {
            Finding::good(format!("takes messages of up to {limit} bytes; `message_bytes_max` is {wanted}"))
        }
        (Some(limit), _) => Finding::good(format!(
            "takes messages of up to {limit} bytes: above it attachments stay out with a visible notice"
        )),
    });
    match session.quota_kib().await {
        Ok(None) => {}
        Ok(Some((used, limit))) if used >= limit => findings
            .push(Finding::bad(format!("the mailbox is full: {used} of {limit} KiB"), "give the mailbox more room")),
        Ok(Some((used, limit))) => findings.push(Finding::good(format!("the mailbox holds {used} of {limit} KiB"))),
        Err(failure) => findings.push(failure.into()),
    }
    findings
}
