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
    /// Something is the matter that stored facts show.
    Alert,
}

impl About {
    /// The name in `docs/reasons.md`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Parked => "Parked",
            Self::Turn => "A turn ended",
            Self::Configuration => "Configuration",
            Self::Alert => "Alerts",
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

const fn alert(code: &'static str, meaning: &'static str, remedy: &'static str) -> Reason {
    Reason { code, about: About::Alert, meaning, remedy }
}

/// The table, by what it is about and by code.
#[rustfmt::skip] // A row a line.
pub const REASONS: &[Reason] = &[
    parked("absurd-time", "The item's time cannot be true (before 2009, or long after its window). It is kept whole.", "Look at it with `chancery parked show`; ask the source's operator; discard it with a reason if it is rubbish."),
    parked("ambiguous-dates", "Every date of an export can be read day first and month first.", "Say which in the connector's settings (`date_order = \"dmy\"`) and run `chancery sync` again."),
    parked("contradictory-dates", "The dates of an export contradict the day and month order it was first imported with.", "Check the file; say the right order with `date_order` and run `chancery sync` again."),
    parked("destination-gone", "The copy was planned for a destination that is not configured any more.", "Configure it again and run `chancery parked retry`, or discard the copy with a reason."),
    parked("directory-answer", "The directory answered for another address than it was asked for.", "Run `chancery connector check`; mend the destination."),
    parked("empty-file", "The file holds nothing.", "Export it again; `chancery sync` reads it when it changed."),
    parked("entry-too-large", "A file inside an archive is over the limit.", "Split the export."),
    parked("file-changed", "The file changed while it was read.", "Wait until it is written completely, then run `chancery sync` again."),
    parked("file-gone", "The file was removed before it was read to its end; what was read of it is archived.", "Lay it there again and run `chancery sync`, or discard this with a reason."),
    parked("file-name-unreadable", "A file name is no UTF-8.", "Rename the file."),
    parked("file-too-large", "A file is over the limit.", "Split the export."),
    parked("folder-refused", "The mail server does not let the account make or open the folder in a mailbox.", "Give the account the right to it, or make the folder yourself, then run `chancery parked retry`."),
    parked("impossible-date", "A date in the export cannot exist.", "Look at it with `chancery parked show`; export the chat again."),
    parked("index-out-of-range", "A plugin referred to a person or conversation that is not there.", "Tell the plugin's author."),
    parked("item-broken", "One item of the source is not what its contract says. It is kept whole.", "Look at it with `chancery parked show`; ask the operator of the source."),
    parked("item-over-limit", "One item is over a limit of the contract. It is kept as far as the limits go.", "Look at it with `chancery parked show`."),
    parked("mail-broken", "A mail of a delivery cannot be read.", "Look at it with `chancery parked show`; ask the vendor to deliver it again."),
    parked("mailbox-conflict", "The mailbox holds a file of the copy's name with other bytes.", "Move that file away and run `chancery parked retry`."),
    parked("mailbox-denied", "The mail server does not let the account into this mailbox, or the mailbox is gone.", "Give the account the right (`chancery connector check` tries it), or mend the mapping, then run `chancery parked retry`."),
    parked("mailbox-full", "The mailbox takes nothing more.", "Give it more room, then run `chancery parked retry`."),
    parked("mailbox-gone", "The mailbox that the copy was planned for is not there any more.", "Mend the mapping, or restore the mailbox, then run `chancery parked retry`."),
    parked("mailbox-unknown", "The mapping, the item's e-mail address or `catch_all` names a mailbox that no destination has.", "Make the mailbox, or mend the mapping, then run `chancery parked retry`."),
    parked("manifest-mismatch", "A delivery and its manifest disagree; nothing of it was read.", "Ask the vendor to deliver it again; the message names what disagrees."),
    parked("mapping-row", "The mapping row of this participant cannot be used.", "Mend the row (`chancery mapping check FILE`), then run `chancery parked retry`."),
    parked("message-refused", "The mail server refuses this message, and takes others.", "Look at it with `chancery parked show`, ask the mail server's log why, then run `chancery parked retry`."),
    parked("message-too-large", "The message is over what the destination takes, and nothing more can stay out.", "Set `message_bytes_max` of the destination to what it takes, so that attachments stay out, or raise it if it takes more; then run `chancery parked retry`."),
    parked("no-chat-in-zip", "The archive holds no chat text.", "Export the chat again with `Export chat`."),
    parked("no-date", "A mail of a delivery has no usable date.", "Look at it with `chancery parked show`."),
    parked("not-a-chat", "The file is no WhatsApp export.", "Move it out of the folder, or export the chat again."),
    parked("several-chats-in-zip", "The archive holds several chat texts.", "Put each chat into an archive of its own."),
    parked("text-before-first-message", "An export begins with text that belongs to no message. It is kept whole.", "Look at it with `chancery parked show`."),
    parked("time-out-of-range", "An item has a time that no mail can carry.", "Look at it with `chancery parked show`."),
    parked("too-large", "A file is over the limit on attachments.", "Raise `limits.attachment_bytes_max` if you want it, then run `chancery sync --window FROM..TO`."),
    parked("too-many-attachments", "An item has more files than the contract allows.", "Look at it with `chancery parked show`."),
    parked("too-many-conversations", "The plugin remembers the date order of as many conversations as it can.", "Say the order in the settings of the connector (`date_order`), or use one connector a person."),
    parked("too-many-files", "A folder or archive holds more files than the limits allow.", "Move what was read away."),
    parked("unknown-calendar", "An export uses a calendar that is not understood; nothing is guessed.", "Set the phone to the Gregorian calendar and export again."),
    parked("unmapped", "A participant of yours has no mailbox, or nobody in the item has one.", "Add a row to the mapping file, then run `chancery parked retry`."),
    parked("unreadable", "The source met something it could not make an item of. The bytes are kept.", "Look at it with `chancery parked show`."),
    parked("wrong-encoding", "A file is not the text it should be.", "The message names the place; export the chat again."),
    parked("zip-bomb", "An archive unpacks to more than the limits allow.", "Make or export the archive again; `chancery sync` reads it when it changed."),
    parked("zip-damaged", "An archive is damaged or not complete.", "Make or export the archive again; `chancery sync` reads it when it changed."),
    parked("zip-encrypted", "An archive is encrypted.", "Make or export the archive again; `chancery sync` reads it when it changed."),
    parked("zip-entry-missing", "An archive lost a file while it was read.", "Make or export the archive again; `chancery sync` reads it when it changed."),
    parked("zip-link", "An archive holds a link.", "Make or export the archive again; `chancery sync` reads it when it changed."),
    parked("zip-unsafe-name", "An archive holds a name that would leave its folder.", "Make or export the archive again; `chancery sync` reads it when it changed."),
    parked("zip-unsupported", "An archive uses a method that is not supported.", "Make or export the archive again; `chancery sync` reads it when it changed."),
    turn("account-changed", "The source answers for another account than the connector was set up for.", "Sign in to the first account again, or add a new connector."),
    turn("blob-unknown", "A plugin named an attachment it was never given.", "Tell the plugin's author."),
    turn("certificate-untrusted", "The certificate of the other side is not trusted.", "Mend the certificate, or name its authority: `[network] ca_file`."),
    turn("checkpoint-copy-failed", "A signed checkpoint could not be copied to where `[checkpoints] copy_to` says. Mail is not concerned; the next turn tries again.", "Make the folder or container reachable and give the user that runs chancery the right to write there."),
    turn("clock-behind", "The clock is behind what is recorded already; nothing is closed.", "Set the clock, then run `chancery sync` again."),
    turn("clock-stepped", "The clock was moved since the last turn, or during this one; nothing is closed.", "Look at the clock; if it is right now, run `chancery sync` again."),
    turn("cursor-loop", "The source answered the same cursor it was asked with.", "Run `chancery connector check`; tell the plugin's author."),
    turn("cursor-unknown", "A plugin does not know the cursor it made earlier.", "Run `chancery sync --window FROM..TO` to read the window again."),
    turn("destination-denied", "The account or application may not write into any mailbox of a destination.", "Give it its rights (docs/exchange-online.md); then run `chancery connector check`."),
    turn("destination-throttled", "The destination asked to wait for longer than a turn waits.", "Nothing: the next turn goes on. Find out who else uses the same account if it stays so."),
    turn("destination-write-only", "A destination of kind `smtp` cannot be read back.", "Look for the messages in that archive by Message-ID; a second destination of kind `eml` or `maildir` keeps what can be read back."),
    turn("directory-defect", "The directory of a destination answered something it may not: a defect of chancery.", "Report it with the log."),
    turn("directory-denied", "The tenant's directory cannot be read by the application.", "Give it `User.Read.All` with admin consent, or list the mailboxes instead."),
    turn("disk-full", "A disk is full. Everything so far is kept.", "Free space, then run `chancery sync` again."),
    turn("egress-denied", "A plugin asked for an address that is not granted, or a name is at an address that is not dialled.", "If it is right, add the line that the message shows."),
    turn("eml-damaged", "An archive of messages cannot be read.", "Restore it from a backup, or move it out of the folder, then run `chancery sync` again."),
    turn("eml-io", "Reading or writing an archive of messages failed.", "Run `chancery doctor`."),
    turn("eml-sync-failed", "The disk refused to make an archive of messages durable; its copies are in doubt.", "Look at the disk (`dmesg`), then run `chancery sync` again: what is there is looked for first."),
    turn("engine-unavailable", "The engine for plugins does not start.", "Report it with the log and the processor of the machine."),
    turn("host-panic", "A worker of the host ended: a defect of chancery.", "Report it with the log; run `chancery sync` again."),
    turn("imap-garbage", "A mail server answers what no IMAP server says, or contradicts itself; it is tried again.", "Check `host`, `port` and `security` of the destination with `chancery connector check`."),
    turn("imap-lacking", "A mail server does not offer what the destination is configured for.", "The message names it; `chancery connector check` tries again."),
    turn("imap-refuses-everything", "A mail server refuses one message after another and takes none; nothing is parked.", "Ask the mail server's log why, then run `chancery sync` again."),
    turn("index-broken", "The index is broken.", "Run the command again: the index is rebuilt from the ledger."),
    turn("item-held", "The item is under a hold and is not erased.", "`chancery hold list` shows the holds; release them first, if that may be done."),
    turn("item-not-settled", "The item is under way or parked, and is not erased before that is settled.", "Deliver or discard it first."),
    turn("ledger-behind", "The ledger lost records that were acknowledged.", "Restore `data/ledger` from a backup; if the records are gone for good, `chancery state rebuild --accept-loss --reason TEXT`."),
    turn("ledger-damaged", "The ledger is damaged; the message names file and place.", "Restore that file from a backup, then run `chancery ledger verify`."),
    turn("login-failed", "Signing in failed, but not because of the password.", "Run `chancery connector check`; the message says what the other side answered."),
    turn("login-refused", "The source refused user name and password.", "Set the right secret: `chancery secret set NAME`, then run `chancery connector check`."),
    turn("mail-unwritable", "A mail that was read back from a mailbox cannot be written.", "Free space, then run the command again."),
    turn("mailbox-erased", "Everything that was delivered into a mailbox was erased from the record, its address too; it cannot be looked into.", "Nothing: there is nothing left to look for."),
    turn("maildir-io", "Reading or writing below a mail root failed; it is tried again.", "Run `chancery doctor`; look at the disk."),
    turn("maildir-panic", "Writing mail ended unexpectedly: a defect of chancery.", "Report it with the log; run `chancery sync` again: copies in doubt are looked for first."),
    turn("maildir-sync-failed", "The file system could not make mail durable. The group is in doubt.", "Look at the disk (`dmesg`), then run `chancery sync` again: copies in doubt are looked for first."),
    turn("no-answer", "The other side did not answer.", "Check the network (`chancery doctor`), then run `chancery sync` again."),
    turn("no-permission", "A folder may not be written.", "Give the user that runs chancery the right, then run `chancery sync` again."),
    turn("nothing-read", "The connector has not read anything yet.", "Run `chancery sync` first."),
    turn("page-loop", "The source gives pages without end.", "Run `chancery connector check`; tell the plugin's author."),
    turn("plugin-bad-output", "A plugin answered something the contract does not allow.", "The message names plugin, function and field: tell the plugin's author."),
    turn("plugin-failing", "A plugin failed at most of a batch; nothing of it is parked and the window stays open.", "Mend the plugin or what it reads, then run `chancery sync` again; `failures_percent_max = 100` parks the items instead."),
    turn("plugin-log-flood", "A plugin wrote more log than a call may.", "Tell the plugin's author."),
    turn("plugin-memory", "A plugin wanted more memory than a call may have.", "Tell the plugin's author."),
    turn("plugin-output-too-large", "A plugin moved more bytes in one call than it may.", "Ask for smaller pages in its settings; tell the plugin's author."),
    turn("plugin-requests", "A plugin made more requests in one call than it may.", "Ask for smaller pages in its settings; tell the plugin's author."),
    turn("plugin-timeout", "A plugin did not answer in time.", "Run `chancery sync` again; if it stays so, tell the plugin's author."),
    turn("plugin-trap", "A plugin crashed. The host and the other connectors go on.", "The message has its last words: tell the plugin's author."),
    turn("rate-limited", "The other side asks to slow down for longer than a turn waits.", "Run `chancery sync` later."),
    turn("redirect-loop", "The other side redirects without end.", "Check the URL in the settings."),
    turn("repair-altered", "A copy is not written again: the mailbox has a message of its Message-ID with other bytes.", "Look at that message; if it is to be replaced, delete it and run the repair again."),
    turn("repair-differs", "A copy is not written again: what was staged or read again gives other bytes than were delivered.", "Put the plugins, their settings and the mapping back to what they were, and run the repair again; or restore the mailbox from a backup."),
    turn("repair-no-source", "A copy is not written again: its bytes are not in the stage, in no other mailbox, and the source does not give them.", "Restore the mailbox from a backup."),
    turn("request-malformed", "A plugin made a request that is none.", "Tell the plugin's author."),
    turn("sign-in-missing", "Nobody has signed in yet for a credential that acts for a person.", "Run `chancery secret sign-in NAME`, or sign in at `/credentials/NAME/sign-in` of the console."),
    turn("sign-in-refused", "The other side refused the application, or the person, that a credential signs in as.", "Check the application's id, tenant and secret, and that the secret has not run out, or run `chancery secret sign-in NAME` again; then run `chancery connector check`."),
    turn("smtp-address-refused", "An SMTP server refuses the sender or the journal's address.", "Check `from` and `to` of the destination with `chancery connector check`."),
    turn("smtp-garbage", "A server answers what no SMTP server says; it is tried again.", "Check `host`, `port` and `security` of the destination with `chancery connector check`."),
    turn("smtp-lacking", "An SMTP server does not offer what the destination is configured for.", "The message names it; `chancery connector check` tries again."),
    turn("smtp-postponed", "An SMTP server takes nothing just now, and says so; it is tried again.", "Run `chancery sync` later; if it stays so, ask whoever runs the server."),
    turn("smtp-refused", "An SMTP server does not talk to this host.", "Ask whoever runs it to let this host's address in; then run `chancery connector check`."),
    turn("smtp-refuses-everything", "An SMTP server refuses one message after another and takes none; nothing more is parked.", "Ask the server's log why, then run `chancery sync` again."),
    turn("source-total-missing", "The source says it has more for the window than it gave, in two readings. The window stays open.", "Run `chancery sync` again; if it stays so, ask the source's operator."),
    turn("stage-attachment-lost", "A staged attachment is gone or damaged.", "Restore the stage from a backup, or read the window again: `chancery sync --window FROM..TO`."),
    turn("stage-io", "The stage could not be read or written.", "Look at the disk, then run `chancery sync` again."),
    turn("stage-page-lost", "A staged page is gone or damaged.", "Restore the stage from a backup, or read the window again: `chancery sync --window FROM..TO`."),
    turn("stage-unreadable", "The stage cannot be read.", "Look at the disk, then run `chancery sync` again."),
    turn("stage-unwritable", "The stage cannot be written.", "Free space or mend the rights, then run `chancery sync` again."),
    turn("state-closed", "The state was closed already: a defect of chancery.", "Report it with the log."),
    turn("state-io", "The data folder cannot be read or written.", "Check the disk (space, rights, health), then run the command again: nothing half-written counts."),
    turn("state-locked", "Another chancery uses the data folder.", "Wait until it ends, or stop it; a service is stopped with `systemctl stop chancery`."),
    turn("state-poisoned", "A write failed, and nothing is written any more.", "See the first failure, mend its cause and run the command again."),
    turn("state-refused", "The state was asked for something that would contradict its record: a defect of chancery.", "Report it with the log."),
    turn("state-too-new", "The data folder was written by a newer chancery.", "Use that version."),
    turn("state-too-old", "The data folder was written by an older chancery in a format that is not read any more.", "Run `chancery state export` with the older version, and `chancery state import` with one that reads both."),
    turn("state-unknown", "That item, window or page is not in the ledger.", "`chancery parked list` and `chancery report` show what there is."),
    turn("store-container-missing", "The object store has no such container or bucket.", "Make it (chancery never makes one), or mend its name in `[stage]`; then run `chancery sync` again."),
    turn("store-denied", "The object store refused the host's key.", "Set the right secret, with the right to read, write, list and delete; then run `chancery sync` again."),
    turn("store-unreachable", "An object store cannot be reached. While it is the stage's nothing is pulled; while it is a destination's its copies wait; nothing is lost.", "Check the network (`chancery doctor`), then run `chancery sync` again."),
    turn("turn-stopped", "The service was stopped in the middle of a turn, which was left between two pages.", "Nothing: the turn goes on there with the next start."),
    turn("unexpected-answer", "The source answered something that its contract does not know.", "The message says where; run `chancery connector check`, then ask the operator of the source."),
    configuration("author-case", "A case of the suite for plugins cannot be read, or what came out of it not kept.", "Name the folder of cases with `--cases DIR`."),
    configuration("author-project", "A new plugin's project cannot be made there.", "Choose another name, of lower-case words with `-` between them."),
    configuration("author-toolchain", "What compiles plugins is not installed.", "The message names what is missing, its hint the line that installs it."),
    configuration("backup-target", "A backup or export must go to a folder that does not exist yet, outside the data folder.", "Name another folder."),
    configuration("bundle-refused", "There is nothing to bundle, or the folder is there already.", "Name another day or folder; `chancery report NAME` lists the windows."),
    configuration("code-cache-unsafe", "The folder of compiled plugins may be written by others.", "Run `chmod 700` on the folder that the message names."),
    configuration("connector-refused", "The connector that was put together does not fit, or somebody was faster.", "The message says what; answer that step anew."),
    configuration("connector-stale", "The connector's file was changed by somebody else meanwhile.", "Open it again, and make your change to the file as it is now."),
    configuration("connector-unknown", "There is no connector of this name in the configuration.", "`chancery connector list` has them."),
    configuration("console-certificate", "The certificate of the console cannot be used.", "`[console] tls` names a chain and its private key, both in PEM, which the user that runs chancery may read."),
    configuration("copy-missing", "A folder to compare checkpoints with is not there.", "Name the folder that `[checkpoints] copy_to` names, or a copy of it."),
    configuration("credential-misconfigured", "A credential cannot be used as it is written.", "Mend `[credential.…]`."),
    configuration("credential-missing", "A plugin names a credential that the connector does not have.", "Add `credential = \"NAME\"` to the source, and a section `[credential.NAME]`."),
    configuration("credential-scheme", "A credential does not fit what the plugin wants.", "See `chancery plugin inspect`, then mend `[credential.…]`."),
    configuration("discard-refused", "Discarding needs a reason, and a choice of what.", "Say `--because \"…\"`, and `--item N` or `--reason CODE`."),
    configuration("eml-root", "The root of the archives of messages cannot be used.", "Make it writable, or change `root`."),
    configuration("folder-denied", "A plugin asked for a folder that is not granted.", "If it is right, add the line that the message shows."),
    configuration("folder-unreadable", "A granted folder cannot be read.", "Check that it exists and may be read by the user that runs chancery."),
    configuration("grant-origin", "A granted origin is written wrongly.", "Write `https://host` or `https://host:port`."),
    configuration("hold-unknown", "There is no such hold to release.", "`chancery hold list` shows those in force."),
    configuration("import-source", "The folder is no backup and no export.", "Name one that `chancery state backup` or `chancery state export` made."),
    configuration("import-target", "A data folder with a ledger, or with other keys, is never imported over.", "Move it away, or put back the keys that belong to the backup."),
    configuration("internal-invalid", "An entry of the mapper's `internal` is no domain, number or prefix.", "Mend it; the message names it."),
    configuration("listen-refused", "The service cannot listen at its address.", "Name another with `--listen ADDR:PORT`, or end what listens there."),
    configuration("lock-unreadable", "`chancery.lock` cannot be read.", "Restore it from git, or approve your plugins again."),
    configuration("login-misdescribed", "The plugin describes signing in in a way that cannot work.", "Tell the plugin's author."),
    configuration("maildir-root", "A mail root cannot be used.", "Make it writable, or change `root`."),
    configuration("mapping-problems", "The mapping file has rows that cannot be used; it is not adopted.", "Mend the lines that `chancery mapping check FILE` names."),
    configuration("mapping-stale", "The mapping file was changed by somebody else meanwhile.", "Look at the difference to the file as it is now, then adopt again."),
    configuration("mapping-unreadable", "The mapping file cannot be read.", "Check `mapper.file`."),
    configuration("mapping-unwritable", "The connector names no mapping file, or it cannot be replaced.", "Put the file where `mapper.file` says; it is used from the next turn on."),
    configuration("network-misconfigured", "The section `[network]` cannot be used.", "The message names the key."),
    configuration("no-time-line", "The source cannot be asked for an interval: it reads files, or from a bookmark.", "Lay the files of that time into its folder and run `chancery sync`."),
    configuration("openid-refused", "Signing in by the organisation's directory did not work.", "The message says why; compare `[console.openid]` with the application in the directory."),
    configuration("owner-not-an-address", "The owner of an export is not an e-mail address.", "Mend `owner`, or name the folder by an address when it is `{ from = \"folder\" }`."),
    configuration("people-file", "The file of people cannot be used.", "The message says why; restore it from a backup, or mend the rights on it."),
    configuration("people-last", "Nobody would be left who may administer people.", "Give somebody else that right first: `chancery people grant NAME administer-people`."),
    configuration("people-link", "A one-time link was used already, has expired, or never was one.", "Make a new one: `chancery people reset NAME`."),
    configuration("people-name", "That cannot be the name of an account or token, or it is taken.", "Choose another, of lower-case letters, digits and `-_.@+`."),
    configuration("people-password", "The password cannot be used.", "Choose a longer one that is not the name."),
    configuration("people-unknown", "There is no such account.", "`chancery people list` has them."),
    configuration("plugin-changed", "A plugin's file is another than the one that was looked at, or its approval cannot be written.", "Look at it again: `chancery plugin inspect FILE`."),
    configuration("plugin-contract-drift", "The component calls itself of this contract, but its functions have other shapes.", "Build it against `wit/` of this chancery."),
    configuration("plugin-contract-version", "The component speaks another version of the contract.", "Use the chancery that speaks it, or build the plugin against `wit/` of this one."),
    configuration("plugin-corrupt", "The file is no valid component.", "Build or fetch it again."),
    configuration("plugin-descriptor", "What a plugin says of itself breaks the contract.", "Tell the plugin's author."),
    configuration("plugin-import", "A pure plugin imports what it may not.", "The message names the import and the build option that removes it."),
    configuration("plugin-not-approved", "A plugin of your own was not approved as it is now.", "Look at it with `chancery plugin inspect`, then `chancery plugin approve`."),
    configuration("plugin-not-component", "The file is WebAssembly, but no component.", "Build it for `wasm32-wasip2`, or wrap it with `wasm-tools component new`."),
    configuration("plugin-not-installed", "A plugin could not be put into the folder `plugins`, or taken out of it.", "The message says why."),
    configuration("plugin-schema", "A plugin's settings schema is outside what hosts understand.", "Tell the plugin's author."),
    configuration("plugin-too-large", "A plugin file is over the limit.", "Strip it."),
    configuration("plugin-unknown", "There is no such bundled plugin.", "`chancery plugin list` has them; name your own by its path."),
    configuration("plugin-unreadable", "A plugin file cannot be read.", "Check the path."),
    configuration("plugin-wasi-version", "The component wants another WASI than 0.2.", "Build it for `wasm32-wasip2`."),
    configuration("plugin-world", "A component is not the kind of plugin it is used as, or of another contract.", "`chancery plugin inspect FILE` says what it is."),
    configuration("reason-missing", "A decision was given without a reason.", "Say why: `--reason \"…\"`; it stands in the ledger."),
    configuration("registry-refused", "A registry did not give a plugin.", "The message says why; the file can be fetched with another program, and installed."),
    configuration("reload-refused", "A changed configuration was not taken; the one before stays in force.", "Mend what the message names, then send SIGHUP again."),
    configuration("retry-waits", "Too many retries of parked things wait for turns to end.", "Wait until they are done: `chancery status`."),
    configuration("secret-missing", "A secret is not set.", "Run `chancery secret set NAME`, or set the environment variable."),
    configuration("secret-name", "That cannot be a secret's name.", "Use lower-case letters, digits, `-` and `_`."),
    configuration("secret-store", "The store of secrets cannot be read or written.", "Check the rights on `data/secrets` and `data/keys`."),
    configuration("settings", "A plugin's settings do not fit its schema.", "The message names the setting; `chancery plugin inspect` lists them."),
    configuration("settings-invalid", "A plugin cannot use its settings.", "The message names the setting; `chancery plugin inspect` lists them."),
    configuration("site-not-encrypted", "The site is reached without encryption.", "Write `https://`."),
    configuration("stage-key", "The key file of the stage cannot be used.", "Restore `keys/stage.key` from the copy of `keys/` that you keep, with mode 600."),
    configuration("stage-recipient", "An entry of `[stage] recipients` is no age recipient.", "Write the public key that `age-keygen` prints, `age1…`."),
    configuration("state-exists", "The data folder exists already.", "Use it, or choose another `data_dir`."),
    configuration("state-key", "A key file cannot be used.", "Restore it from a backup; without its keys a ledger cannot be read."),
    configuration("state-not-initialised", "The data folder was not set up.", "Run `chancery init`."),
    configuration("store-misconfigured", "The object store cannot be used as it is written.", "Mend the keys of `[stage]` or `[checkpoints] copy_to`; docs/configuration.md lists them."),
    configuration("terms-not-accepted", "The source's terms were not accepted in this version.", "Read them with `chancery plugin inspect`, then add `accepted_terms`."),
    configuration("token-refused", "A token cannot be made as it was asked for.", "The message says why."),
    configuration("token-unknown", "There is no such token.", "`chancery token list` has them."),
    configuration("unknown-bookmark", "A plugin does not know what it remembered earlier: it is older than the one that wrote it, or the record is damaged.", "Use the plugin version that wrote it, or a new connector."),
    configuration("unknown-region", "The mapper's `default_region` is no country.", "Write two letters, `DE`."),
    configuration("unknown-zone", "The time zone is not known.", "Write one like `Europe/Berlin`."),
    alert("alert-undelivered", "An alert could not be delivered to a place of `alerts.send_to`; the log and `chancery alerts list` have it.", "Make that place reachable; `chancery alerts test` tries it, and the next check sends what is missing."),
    alert("connector-overdue", "A connector has not archived for longer than its schedule says, or a window stays open.", "Run `chancery sync NAME` and look at what ends it; see that the service or timer runs."),
    alert("connector-silent", "A connector's source has had no item for longer than usual.", "Run `chancery connector check NAME`; ask the operator of the source."),
    alert("count-low", "A day has far fewer items than the same weekday usually has.", "Run `chancery report NAME`; ask the operator of the source whether something is missing."),
    alert("credential-ending", "A credential ends soon, or has ended, by its `expires`.", "Renew it, run `chancery secret set`, and write its new `expires`."),
    alert("disk-low", "A disk below the data folder or the stage is nearly full.", "Free space; `chancery doctor` shows how much there is."),
    alert("ledger-trouble", "A connector's record cannot be read.", "Run `chancery state check`."),
    alert("mapping-not-adopted", "A mapping file has problems; the mapping adopted before stays in force.", "Run `chancery mapping check FILE` and mend the lines it names."),
    alert("parked-growing", "Many items were parked within a day.", "Run `chancery parked list NAME`; each reason says what to do."),
    alert("turn-failed", "A connector's last turn ended with an error: a source or destination was given up, or a person must act.", "Run `chancery explain CODE` for the code it names, then `chancery sync NAME`."),
    alert("users-silent", "People of whom something came before have had nothing for `alerts.user_silent_days`.", "Run `chancery connector check NAME`; look at their phones and at the source."),
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
            assert!(
                (pair[0].about, pair[0].code) < (pair[1].about, pair[1].code),
                "{} before {}",
                pair[0].code,
                pair[1].code
            );
        }
        for reason in REASONS {
            assert!(
                reason.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                reason.code
            );
            assert!(reason.meaning.ends_with('.') && reason.remedy.ends_with('.'), "{}", reason.code);
        }
    }
}
