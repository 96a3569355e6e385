//! The arguments, as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    /// Add, list, show, check or remove connectors.
    #[command(subcommand)]
    Connector(Connector),
    /// Read what is due and deliver it: one turn, now.
    Sync(Sync),
    /// Read an interval beside the time line, a day at a time; what is archived already is not delivered again.
    Backfill(Backfill),
    /// How each connector stands.
    Status(Json),
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
    /// What the configuration would change.
    Plan(Json),
    /// Which plugins there are, what they ask for, and approving them.
    #[command(subcommand)]
    Plugin(Plugin),
    /// The record of everything that happened.
    #[command(subcommand)]
    Ledger(Ledger),
    /// What a reason code means and what to do.
    Explain(Explain),
    /// Find out what is wrong with this installation.
    Doctor(Json),
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
    /// Add a connector from a file with one `[[connector]]`.
    Add {
        /// The file.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
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
    },
    /// Take one out of the configuration; its ledger and mail stay.
    Remove {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Sync {
    /// Which connectors; all without.
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
    /// Seal every secret under a new key.
    Rotate,
    /// Remove a secret.
    Remove {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Plugin {
    /// Bundled plugins and those in `chancery.lock`.
    List(Json),
    /// What a plugin is, asks for, and how it is set up.
    Inspect {
        /// A bundled name or a `.wasm` file.
        plugin: String,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Approve a plugin of your own as it is now.
    Approve {
        /// A `.wasm` file, as the configuration names it.
        plugin: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Ledger {
    /// Check every byte of the record, offline.
    Verify {
        /// Only this connector's.
        name: Option<String>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code; all of them without.
    pub(super) code: Option<String>,
}
