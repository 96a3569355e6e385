//! Every reason code the host knows, with what it means and what to do: the table behind `chancery explain`,
//! `docs/reasons.md` and the hints in reports.
//!
//! Codes are stable: they are in ledgers and reports for years. Plugins may bring codes of their own; those of the
//! bundled ones are here too.

/// One reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Stable kebab-case code.
    pub code: &'static str,
    /// What it is about.
    pub about: About,
    /// What happened.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// What a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A copy or item that is parked.
    Parked,
    /// A connector's turn that ended; its window stays open and nothing is lost.
    Turn,
    /// The configuration, a grant or a secret.
    Configuration,
}

impl About {
    /// The name in `docs/reasons.md`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Parked => "Parked",
            Self::Turn => "A turn ended",
            Self::Configuration => "Configuration",
        }
    }
}

const fn parked(code: &'static str, meaning: &'static str, remedy: &'static str) -> Reason {
    Reason { code, about: About::Parked, meaning, remedy }
}

const fn turn(code: &'static str, meaning: &'static str, remedy: &'static str) -> Reason {
    Reason { code, about: About::Turn, meaning, remedy }
}

const fn configuration(code: &'static str, meaning: &'static str, remedy: &'static str) -> Reason {
    Reason { code, about: About::Configuration, meaning, remedy }
}

/// The table, by what it is about and by code.
pub const REASONS: &[Reason] = &[
    parked("absurd-time", "The item's time cannot be true (before 2009, or after its window). It is kept whole.", "Look at it with `chancery parked show`; ask the source's operator; discard it with a reason if it is rubbish."),
    parked("ambiguous-dates", "Every date of an export can be read day first and month first.", "Say which in the connector's settings (`date_order = \"dmy\"`) and run `chancery sync` again."),
    parked("destination-gone", "The copy was planned for a destination that is not configured any more.", "Configure it again and run `chancery parked retry`, or discard the copy with a reason."),
    parked("mailbox-conflict", "The mailbox holds a file of the copy's name with other bytes.", "Move that file away and run `chancery parked retry`."),
    parked("mailbox-unknown", "The mapping or the item's e-mail address names a mailbox that no destination has.", "Make the mailbox, or mend the mapping, then run `chancery parked retry`."),
    parked("mapping-row", "The mapping row of this participant cannot be used.", "Mend the row (`chancery mapping check FILE`), then run `chancery parked retry`."),
    parked("message-too-large", "The message is over the destination's limit although every attachment stayed out.", "Raise `message_bytes_max` of the destination if it can take more, then run `chancery parked retry`."),
    parked("unmapped", "A participant of yours has no mailbox, or nobody in the item has one.", "Add a row to the mapping file, then run `chancery parked retry`."),
    parked("unreadable", "The source met something it could not make an item of. The bytes are kept.", "Look at it with `chancery parked show`."),
    turn("account-changed", "The source answers for another account than the connector was set up for.", "Sign in to the first account again, or add a new connector."),
    turn("clock-behind", "The clock is behind what was read already; nothing is closed.", "Set the clock, then run `chancery sync` again."),
    turn("cursor-loop", "The source answered the same cursor it was asked with.", "Run `chancery connector check`; tell the plugin's author."),
    turn("disk-full", "A disk is full. Everything so far is kept.", "Free space, then run `chancery sync` again."),
    turn("egress-denied", "A plugin asked for an address that is not granted.", "If it is right, add the line that the message shows."),
    turn("host-panic", "A worker of the host ended: a defect of chancery.", "Report it with the log; run `chancery sync` again."),
    turn("login-refused", "The source refused user name and password.", "Set the right secret: `chancery secret set NAME`, then run `chancery connector check`."),
    turn("maildir-io", "Reading or writing below a mail root failed; it is tried again.", "Run `chancery doctor`; look at the disk."),
    turn("maildir-sync-failed", "The file system could not make mail durable. The group is in doubt.", "Look at the disk (`dmesg`), then run `chancery sync` again: copies in doubt are looked for first."),
    turn("no-permission", "A folder may not be written.", "Give the user that runs chancery the right, then run `chancery sync` again."),
    turn("page-loop", "The source gives pages without end.", "Run `chancery connector check`; tell the plugin's author."),
    turn("plugin-bad-output", "A plugin answered something the contract does not allow.", "The message names plugin, function and field: tell the plugin's author."),
    turn("plugin-log-flood", "A plugin wrote more log than a call may.", "Tell the plugin's author."),
    turn("plugin-memory", "A plugin wanted more memory than a call may have.", "Tell the plugin's author."),
    turn("plugin-output-too-large", "A plugin moved more bytes in one call than it may.", "Ask for smaller pages in its settings; tell the plugin's author."),
    turn("plugin-timeout", "A plugin did not answer in time.", "Run `chancery sync` again; if it stays so, tell the plugin's author."),
    turn("plugin-trap", "A plugin crashed. The host and the other connectors go on.", "The message has its last words: tell the plugin's author."),
    turn("source-total-missing", "The source says it has more for the window than it gave. The window stays open.", "Run `chancery sync` again; if it stays so, ask the source's operator."),
    turn("stage-attachment-lost", "A staged attachment is gone or damaged.", "Restore the stage folder from a backup, or read the window again: `chancery sync --window FROM..TO`."),
    turn("stage-io", "The stage could not be read or written.", "Look at the disk, then run `chancery sync` again."),
    turn("stage-page-lost", "A staged page is gone or damaged.", "Restore the stage folder from a backup, or read the window again: `chancery sync --window FROM..TO`."),
    configuration("credential-scheme", "A credential does not fit what the plugin wants.", "See `chancery plugin inspect`, then mend `[credential.…]`."),
    configuration("grant-origin", "A granted origin is written wrongly.", "Write `https://host` or `https://host:port`."),
    configuration("lock-unreadable", "`chancery.lock` cannot be read.", "Restore it from git, or approve your plugins again."),
    configuration("maildir-root", "A mail root cannot be used.", "Make it writable, or change `root`."),
    configuration("mapping-problems", "The mapping file has rows that cannot be used; it is not adopted.", "Mend the lines that `chancery mapping check FILE` names."),
    configuration("mapping-unreadable", "The mapping file cannot be read.", "Check `mapper.file`."),
    configuration("plugin-not-approved", "A plugin of your own was not approved as it is now.", "Look at it with `chancery plugin inspect`, then `chancery plugin approve`."),
    configuration("plugin-schema", "A plugin's settings schema is outside what hosts understand.", "Tell the plugin's author."),
    configuration("plugin-too-large", "A plugin file is over the limit.", "Strip it."),
    configuration("plugin-unknown", "There is no such bundled plugin.", "`chancery plugin list` has them; name your own by its path."),
    configuration("plugin-unreadable", "A plugin file cannot be read.", "Check the path."),
    configuration("plugin-world", "A component is not the kind of plugin it is used as, or of another contract.", "`chancery plugin inspect FILE` says what it is."),
    configuration("secret-missing", "A secret is not set.", "Run `chancery secret set NAME`, or set the environment variable."),
    configuration("secret-name", "That cannot be a secret's name.", "Use lower-case letters, digits, `-` and `_`."),
    configuration("secret-store", "The store of secrets cannot be read or written.", "Check the rights on `data/secrets` and `data/keys`."),
    configuration("settings", "A plugin's settings do not fit its schema.", "The message names the setting; `chancery plugin inspect` lists them."),
    configuration("terms-not-accepted", "The source's terms were not accepted in this version.", "Read them with `chancery plugin inspect`, then add `accepted_terms`."),
];

/// The reason of this code.
pub fn find(code: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_kebab_case_and_each_stands_once_in_order() {
        for pair in REASONS.windows(2) {
            assert!((pair[0].about, pair[0].code) < (pair[1].about, pair[1].code), "{} before {}", pair[0].code, pair[1].code);
        }
        for reason in REASONS {
            assert!(reason.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", reason.code);
            assert!(reason.meaning.ends_with('.') && reason.remedy.ends_with('.'), "{}", reason.code);
        }
    }
}
