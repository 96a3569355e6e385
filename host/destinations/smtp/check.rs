//! What `connector check` says of a server: one line a finding, with what mends it. No message is sent.

use super::{
    refusal::{self, Refusal, Stage},
    session::{self, Session},
    settings::SmtpSettings,
    sign_in,
    wire::Times,
};
use crate::{
    destinations::{
        Finding,
        imap::{Account, Security},
    },
    item::Failure,
    network::Dialer,
};

/// Looks at the server, signs in, and names sender and recipient without sending anything.
pub(super) async fn check(
    settings: &SmtpSettings,
    account: Option<&Account>,
    dialer: &Dialer,
    times: Times,
) -> Vec<Finding> {
    let mut session = match session::greet(settings, dialer, times).await {
        Ok(session) => session,
        Err(failure) => return vec![failure.into()],
    };
    let mut findings = vec![Finding::good(match settings.security {
        Security::Tls => "reached; its certificate is trusted",
        Security::Starttls => "reached; encrypted by STARTTLS, its certificate is trusted",
        Security::None => "reached on this machine, without encryption",
    })];
    match account {
        None => findings.push(Finding::good("no `credential`: the server must know this host by its address")),
        Some(account) => match sign_in::sign_in(&mut session, settings, account).await {
            Ok(()) => findings.push(Finding::good("signed in")),
            Err(failure) => {
                findings.push(failure.into());
                return findings;
            }
        },
    }
    findings.extend(describe(settings, &session));
    match addresses(settings, &mut session).await {
        Ok(()) => findings.push(Finding::good(format!(
            "takes mail from `{}` to `{}`; nothing was sent, and what it does with a report is not known",
            settings.from, settings.to
        ))),
        Err(failure) => findings.push(failure.into()),
    }
    findings.push(Finding::good(
        "cannot be asked what arrived: after a lost reply a report is sent again, with the same Message-ID",
    ));
    session.quit().await;
    findings
}

fn describe(settings: &SmtpSettings, session: &Session) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(match (session.offers.size_bytes(), settings.message_bytes_max) {
        (None, _) => Finding::good("does not say how large a message may be (SIZE)"),
        (Some(limit), Some(wanted)) if wanted < limit => {
            Finding::good(format!("takes messages of up to {limit} bytes; `message_bytes_max` is {wanted}"))
        }
        // Nothing is lost without it, so that it is advice. A report adds a few thousand bytes to a message.
        (Some(limit), _) => Finding {
            hint: Some(format!(
                "set `message_bytes_max = {}` for this destination: then attachments stay out with a visible notice",
                limit.saturating_sub(64 << 10)
            )),
            ..Finding::good(format!("takes messages of up to {limit} bytes: a larger one would be parked whole"))
        },
    });
    if !session.offers.has("8BITMIME") {
        let hint = "make the server offer 8BITMIME; the bundled converter `email` does not need it";
        findings.push(Finding {
            hint: Some(hint.to_owned()),
            ..Finding::good("takes only messages of seven bits (no 8BITMIME): others would be parked")
        });
    }
    findings
}

async fn addresses(settings: &SmtpSettings, session: &mut Session) -> Result<(), Failure> {
    for command in [format!("MAIL FROM:<{}>", settings.from), format!("RCPT TO:<{}>", settings.to)] {
        let reply = session.wire.command(&command).await?;
        if !reply.is_ok() {
            return Err(match refusal::of(&settings.place(), Stage::Envelope, &reply) {
                Refusal::Later(failure) | Refusal::Message(failure) | Refusal::All(failure) => failure,
            });
        }
    }
    session.is_alive().await;
    Ok(())
}
