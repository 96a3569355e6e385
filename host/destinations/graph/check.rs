//! What `connector check` tells of a tenant: one line a finding, with the fix.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::{Graph, cloud::literal, verdict::Verdict};
use crate::{
    destinations::{Finding, Mailboxes},
    item::{Failure, limits},
};

/// What may be read and written of the whole tenant.
const WRITES: &str = "Mail.ReadWrite";
/// What lets an application read the directory.
const READS_PEOPLE: [&str; 2] = ["User.Read.All", "Directory.Read.All"];

/// Signs in, looks at the token, and tries some mailboxes by reading their folders' names. Nothing is changed.
pub(super) async fn check(graph: &Graph, mailboxes: &[String]) -> Vec<Finding> {
    let token = match graph.client.tokens.token().await {
        Ok(token) => token,
        Err(failure) => return vec![failure.into()],
    };
    let roles = roles(token.expose_secret());
    let settings = &graph.settings;
    let mut findings = vec![Finding::good(format!("signed in to tenant `{}`", settings.tenant))];
    findings.extend(of_roles(roles.as_deref(), &settings.mailboxes));
    let mut mailboxes = mailboxes.to_vec();
    if let Mailboxes::Addresses(list) = &settings.mailboxes {
        mailboxes.extend(list.iter().cloned());
    }
    mailboxes.sort();
    mailboxes.dedup();
    mailboxes.truncate(limits::GRAPH_CHECK_MAILBOXES_MAX);
    let (mut usable, mut with_folder) = (0, 0);
    for mailbox in &mailboxes {
        match try_mailbox(graph, &Arc::from(mailbox.as_str())).await {
            Ok(has_folder) => {
                usable += 1;
                with_folder += usize::from(has_folder);
            }
            Err(finding) => findings.push(finding),
        }
    }
    if mailboxes.is_empty() {
        let hint =
            "name some by `mailboxes = { addresses = […] }`, or run `chancery sync` with a small `--window` first";
        findings.push(Finding {
            hint: Some(hint.to_owned()),
            ..Finding::good("no mailbox was tried: none is known before the first item")
        });
    }
    if usable > 0 {
        findings.push(Finding::good(format!(
            "{usable} of {} mailboxes tried can be used; {with_folder} of them have the folder `{}`, in the others the first copy makes it",
            mailboxes.len(),
            settings.folder
        )));
        if roles.as_deref().is_some_and(|roles| !has(roles, WRITES)) {
            findings.push(Finding {
                hint: Some(
                    "see how far it reaches with `Test-ServicePrincipalAuthorization` (docs/exchange-online.md)".into(),
                ),
                ..Finding::good("they are reached through a role of Exchange, scoped or not: a token does not tell")
            });
        }
    }
    findings
}

/// Whether a mailbox that can be used has the folder; else why it cannot.
async fn try_mailbox(graph: &Graph, mailbox: &Arc<str>) -> Result<bool, Finding> {
    let named = |failure: Failure| -> Finding { failure.into() };
    let Some(user) = graph.user_path(mailbox).await.map_err(named)? else {
        return Err(Finding::bad(
            format!("`{mailbox}` is not in the tenant's directory, or has no mailbox"),
            "mend the mapping, or give the person a mailbox",
        ));
    };
    let folder = literal(&graph.settings.folder);
    let path = format!("{user}/mailFolders?$filter=displayName%20eq%20{folder}&$select=id");
    let (answer, verdict) = graph.client.ask(mailbox, Method::GET, &path, None).await.map_err(named)?;
    match verdict {
        Verdict::Done => Ok(answer.json()["value"].as_array().is_some_and(|found| !found.is_empty())),
        Verdict::Denied(failure) | Verdict::Refused(failure) | Verdict::Unknown(failure) => Err(failure.into()),
        Verdict::NotThere | Verdict::Throttled(_) | Verdict::SignIn => Err(Finding::bad(
            format!("`{mailbox}` gives no answer that says anything"),
            "run `chancery connector check` again in some minutes",
        )),
    }
}

/// What the token's roles say; none when the token cannot be read, which Microsoft does not promise.
fn of_roles(roles: Option<&[String]>, mailboxes: &Mailboxes) -> Vec<Finding> {
    let Some(roles) = roles else {
        return vec![Finding::good("the token does not show its roles: what the application may do is seen by trying")];
    };
    let mut findings = Vec::new();
    findings.push(if has(roles, WRITES) {
        Finding {
            hint: Some(format!(
                "to narrow it: give it the role `Application {WRITES}` with a scope, then take this permission away, since grants add up (docs/exchange-online.md)"
            )),
            ..Finding::good(format!("the application holds `{WRITES}` for the whole tenant: every mailbox is open to it"))
        }
    } else {
        Finding::good(format!(
            "the token holds no `{WRITES}`: mailboxes are open as far as a role `Application {WRITES}` of Exchange reaches"
        ))
    });
    let wants_people = *mailboxes == Mailboxes::Existing;
    if wants_people && !READS_PEOPLE.iter().any(|role| has(roles, role)) {
        findings.push(Finding::bad(
            "`mailboxes = { directory = true }` needs `User.Read.All`, which the token does not hold",
            "give the application `User.Read.All` with admin consent, or list the mailboxes: `mailboxes = { domains = […] }`",
        ));
    }
    let needed = |role: &str| role == WRITES || (wants_people && READS_PEOPLE.contains(&role));
    let more: Vec<&str> = roles.iter().map(String::as_str).filter(|role| !needed(role)).collect();
    if !more.is_empty() {
        findings.push(Finding {
            hint: Some("take away what nothing else needs".to_owned()),
            ..Finding::good(format!("the application holds more than this destination needs: {}", more.join(", ")))
        });
    }
    findings
}

fn has(roles: &[String], role: &str) -> bool {
    roles.iter().any(|held| held == role)
}

/// The `roles` of a token, each cut to what a name may hold. Nothing is trusted because of it, so that no signature is
/// checked: Graph decides.
fn roles(token: &str) -> Option<Vec<String>> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()?;
    let roles = claims.as_object()?.get("roles").and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |role: &Value| {
        let role = role.as_str()?;
        Some(role.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(64).collect())
    };
    Some(roles.iter().filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_and_judged() {
        let token = |claims: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(roles("opaque"), None);
        assert_eq!(roles(&token("{}")), Some(Vec::new()));
        assert_eq!(
            roles(&token(r#"{"roles":["Mail.ReadWrite","a b\n"]}"#)),
            Some(vec!["Mail.ReadWrite".into(), "ab".into()])
        );
        let directory = Mailboxes::Existing;
        let table: [(&[&str], &[&str]); 4] = [
            (&["Mail.ReadWrite", "User.Read.All"], &["whole tenant"]),
            (&["User.Read.All"], &["no `Mail.ReadWrite`"]),
            (&["Mail.ReadWrite"], &["whole tenant", "User.Read.All"]),
            (&["User.Read.All", "Mail.Send"], &["no `Mail.ReadWrite`", "Mail.Send"]),
        ];
        for (held, expected) in table {
            let held: Vec<String> = held.iter().map(|role| (*role).to_owned()).collect();
            let lines = of_roles(Some(&held), &directory);
            assert_eq!(lines.len(), expected.len(), "{lines:#?}");
            for (line, word) in lines.iter().zip(expected) {
                assert!(line.text.contains(word), "{line:?}");
            }
        }
    }
}
