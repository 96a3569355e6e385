//! The arguments, as typed.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::sandbox::COMPILE;

/// Archives chat communication as e-mail in people's mailboxes, with proof that nothing is missing.
#[derive(Debug, Parser)]
#[command(
    name = "chancery",
    version,
    disable_help_subcommand = true,
    after_help = "First time? `chancery demo` shows everything against a simulated site.\nExit codes: 0 done and accounted for, 1 failed, 2 usage or configuration, 3 with --strict when something is parked."
)]
pub(super) struct Arguments {
    /// The configuration.
    #[arg(long, global = true, value_name = "FILE", default_value = "chancery.toml")]
    pub(super) config: PathBuf,
    /// Log more (CHANCERY_LOG chooses exactly what).
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
    /// Log as JSON, one object a line.
    #[arg(long, global = true)]
    pub(super) log_json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Archive a simulated TeleMessage site into Maildirs, to see it all at work.
    Demo(Demo),
    /// Make a configuration, keys and a data folder.
    Init(Init),
    /// Add, list, show, check, pause, resume or remove connectors.
    #[command(subcommand)]
    Connector(Connector),
    /// Read what is due and deliver it: one turn, now.
    Sync(Sync),
    /// Read an interval beside the time line, a day at a time; what is archived already is not delivered again.
    Backfill(Backfill),
    /// Wait for schedules and run turns, until stopped.
    Serve(Serve),
    /// How each connector stands.
    Status(Json),
    /// What is the matter, and whether anybody hears of it.
    #[command(subcommand)]
    Alerts(Alerts),
    /// A connector's windows with their counts.
    Report(Report),
    /// What could not go on, and freeing it.
    #[command(subcommand)]
    Parked(Parked),
    /// Look at a user mapping before it is used.
    #[command(subcommand)]
    Mapping(Mapping),
    /// The host's own store of secrets.
    #[command(subcommand)]
    Secret(Secret),
    /// Who has an account, and what they may do.
    #[command(subcommand)]
    People(People),
    /// Tokens for programs: named, for some rights, for some time.
    #[command(subcommand)]
    Token(Token),
    /// What the configuration would change.
    Plan(Json),
    /// Plugins: which there are, making one, trying it, installing and approving it.
    #[command(subcommand)]
    Plugin(Plugin),
    /// The record of everything that happened.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Read the mailboxes back and compare them with the record.
    Reconcile(Reconcile),
    /// What must not be erased from the record.
    #[command(subcommand)]
    Hold(Hold),
    /// Erase what is private of one item from the record; its mails stay.
    Erase(Erase),
    /// What waits between source and mailbox: what it is needed for, emptying it, its key.
    #[command(subcommand)]
    Stage(Stage),
    /// Check, rebuild, back up and move what the data folder keeps.
    #[command(subcommand)]
    State(State),
    /// What a reason code means and what to do.
    Explain(Explain),
    /// Find out what is wrong with this installation.
    Doctor(Json),
    /// Compile the component on stdin: what the host starts itself for.
    #[command(name = COMPILE, hide = true)]
    CompileComponent {
        /// The file of compiled code.
        path: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where to put mail, configuration and data.
    #[arg(long, value_name = "DIR", default_value = "demo")]
    pub(super) dir: PathBuf,
    /// How many items the site has (at least 200).
    #[arg(long, value_name = "N", default_value_t = 2_400, value_parser = clap::value_parser!(u32).range(200..=1_000_000))]
    pub(super) items: u32,
    /// Another seed, another day in the office.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(super) seed: u64,
    /// Print one JSON document instead of words.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// Where.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum Connector {
    /// Add a connector: asks step by step, or takes a file.
    Add {
        /// A file with one `[[connector]]`; nothing is asked then.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// List them.
    List(Json),
    /// Show one.
    Show {
        /// Its name.
        name: String,
    },
    /// Sign in, look, change nothing.
    Check {
        /// Its name.
        name: String,
        /// Print one JSON document instead of words.
        #[arg(long)]
        json: bool,
    },
    /// Let nothing begin by itself until it is resumed; a turn under way ends by itself.
    Pause(Pause),
    /// Take a pause back.
    Resume(Pause),
    /// Take one out of the configuration; its ledger and mail stay.
    Remove {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Pause {
    /// Its name.
    pub(super) name: String,
    /// Why; it stands in the ledger.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) reason: String,
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where `/healthz` and `/metrics` are answered.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8460")]
    pub(super) listen: SocketAddr,
}

#[derive(Debug, Args)]
pub(super) struct Sync {
    /// Which connectors; without, all that are not paused.
    pub(super) names: Vec<String>,
    /// Read this interval again: `2026-11-01..2026-11-02`.
    #[arg(long, value_name = "FROM..TO")]
    pub(super) window: Option<String>,
    /// Say what is due, read nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Exit with 3 when something is parked.
    #[arg(long)]
    pub(super) strict: bool,
    /// Print one JSON document instead of words.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Backfill {
    /// The connector.
    pub(super) name: String,
    /// First instant: `2026-11-01`, or with a time `2026-11-01T12:00:00Z`.
    #[arg(long, value_name = "FROM")]
    pub(super) from: String,
    /// First instant after it.
    #[arg(long, value_name = "TO")]
    pub(super) to: String,
    /// Say what would be read and how much the source has, read no item.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Exit with 3 when something is parked.
    #[arg(long)]
    pub(super) strict: bool,
    /// Print one JSON document instead of words.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Alerts {
    /// Look now, tell whom `[alerts]` names what is new, and list what stands.
    Check(Json),
    /// What stood when it was last looked.
    List(Json),
    /// Send one notice to each place, and say what became of it.
    Test,
}

#[derive(Debug, Args)]
pub(super) struct Json {
    /// Print one JSON document instead of words.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Report {
    /// The connector.
    pub(super) name: String,
    /// Only windows that touch this UTC day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) day: Option<String>,
    /// Compare with the log of Microsoft's connector, day by day; fails when less is archived here.
    #[arg(long, value_name = "FILE", conflicts_with = "csv")]
    pub(super) compare: Option<PathBuf>,
    /// Print CSV.
    #[arg(long, conflicts_with = "json")]
    pub(super) csv: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ParkedSelection {
    /// The connector.
    pub(super) name: String,
    /// Only this item, by its number.
    #[arg(long, value_name = "N")]
    pub(super) item: Option<u64>,
    /// Only this reason.
    #[arg(long, value_name = "CODE")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Parked {
    /// List what is parked, by reason.
    List {
        #[command(flatten)]
        selection: ParkedSelection,
        /// Print CSV.
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Show one item with everything known of it but its text.
    Show {
        /// The connector.
        name: String,
        /// The item's number.
        item: u64,
        /// Write its files, and the item as the source wrote it, into this folder.
        #[arg(long, value_name = "DIR")]
        save: Option<PathBuf>,
    },
    /// Try again, after something was mended.
    Retry(ParkedSelection),
    /// Give up on something, with a reason that stands in the ledger.
    Discard {
        #[command(flatten)]
        selection: ParkedSelection,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        because: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Mapping {
    /// What a mapping file would do: rows, problems, the difference to the one in force.
    Check {
        /// The file.
        file: PathBuf,
        /// The connector it is for; needed when there are several.
        #[arg(long, value_name = "NAME")]
        connector: Option<String>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Secret {
    /// Set a secret; it is read from standard input, never from the command line.
    Set {
        /// Its name.
        name: String,
    },
    /// List names.
    List,
    /// Sign in, in a browser, for a credential that acts for a person; what it leaves is kept.
    SignIn {
        /// The credential, `[credential.NAME]`.
        name: String,
        /// Where the other side sends the browser back to; it must know this address, and nothing needs to answer there.
        #[arg(long, value_name = "URL", default_value = super::secret::REDIRECT)]
        redirect: url::Url,
    },
    /// Seal every secret under a new key.
    Rotate,
    /// Remove a secret.
    Remove {
        /// Its name.
        name: String,
    },
}

pub(super) use super::people::{People, Token};

pub(super) use super::plugin::Plugin;

#[derive(Debug, Subcommand)]
pub(super) enum Ledger {
    /// Check every byte of the record, offline.
    Verify(Verify),
    /// What became of some windows, with mails and proof, for a person without Chancery.
    Bundle(Bundle),
    /// Replace the key that signs; the old key signs the new one, and every ledger records it.
    RotateKey {
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("when").required(true))]
pub(super) struct Bundle {
    /// The connector.
    pub(super) name: String,
    /// Windows that touch this time: `2026-11-01..2026-11-02`.
    #[arg(long, value_name = "FROM..TO", group = "when")]
    pub(super) window: Option<String>,
    /// Windows that touch this UTC day.
    #[arg(long, value_name = "YYYY-MM-DD", group = "when")]
    pub(super) day: Option<String>,
    /// A folder that does not exist yet.
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Reconcile {
    /// The connector.
    pub(super) name: String,
    /// Only items of windows that touch this time: `2026-11-01..2026-11-02`.
    #[arg(long, value_name = "FROM..TO")]
    pub(super) window: Option<String>,
    /// Only this destination, by its number (from 0) or kind.
    #[arg(long, value_name = "NAME")]
    pub(super) destination: Option<String>,
    /// Write again what is missing, with the same bytes.
    #[arg(long, requires = "reason")]
    pub(super) repair: bool,
    /// Why; it stands in the ledger.
    #[arg(long, value_name = "TEXT", requires = "repair")]
    pub(super) reason: Option<String>,
    /// Print one JSON document instead of words.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Erase {
    /// The connector.
    pub(super) connector: String,
    /// The item's number.
    pub(super) item: u64,
    /// Why; it stands in the ledger.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
}

/// What a hold is about: exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct HoldSubject {
    /// Every item with a copy in this mailbox.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) mailbox: Option<String>,
    /// Every item from this person's archive or for them, by the source's id.
    #[arg(long, value_name = "ID")]
    pub(super) person: Option<String>,
    /// Everything, in the name of a case.
    #[arg(long, value_name = "NAME")]
    pub(super) case: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Hold {
    /// Hold something from now on.
    Add {
        #[command(flatten)]
        subject: HoldSubject,
        /// Why; it stands in the ledger.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// The holds in force.
    List {
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Release a hold.
    Release {
        #[command(flatten)]
        subject: HoldSubject,
        /// Why; it stands in the ledger.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Only this connector's.
    pub(super) name: Option<String>,
    /// A public key kept elsewhere, instead of the data folder's `keys/host.pub`.
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// A copy of the data folder, or of its `ledger` and `checkpoints`, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Compare with a folder that checkpoints were copied to; may be given several times.
    #[arg(long, value_name = "COPY")]
    pub(super) against: Vec<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Stage {
    /// What lies there, and what still needs it.
    List {
        /// Only this connector's.
        name: Option<String>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Delete now what nothing needs any more, whatever `keep_days` says, and forget keys that sealed nothing of what is left.
    Purge {
        /// Only this connector's.
        name: Option<String>,
    },
    /// Seal with a new key from now on; older keys are kept while something staged needs them.
    RotateKey {
        /// Why; it stands in the ledger.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum State {
    /// Look at ledgers, keys, index, mappings and staged pages; ledgers and mail stay as they are.
    Check {
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Build the index anew from the ledgers.
    Rebuild {
        /// Go on although acknowledged records are gone; everything is looked for before it is sent again.
        #[arg(long, requires = "reason")]
        accept_loss: bool,
        /// Why; it stands in the ledger.
        #[arg(long, value_name = "TEXT", requires = "accept_loss")]
        reason: Option<String>,
    },
    /// Copy everything that cannot be made anew to a folder that does not exist yet, and verify the copy.
    Backup {
        /// The folder.
        to: PathBuf,
        /// The secret keys too: whoever has the copy can then read everything and sign in this host's name.
        #[arg(long)]
        with_keys: bool,
    },
    /// The same, to move to another host or version.
    Export {
        /// The folder.
        to: PathBuf,
        /// The secret keys too: whoever has the copy can then read everything and sign in this host's name.
        #[arg(long)]
        with_keys: bool,
    },
    /// Set up a data folder from a backup or an export.
    Import {
        /// The folder.
        from: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code; all of them without.
    pub(super) code: Option<String>,
}
