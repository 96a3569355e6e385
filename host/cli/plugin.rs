//! `chancery plugin`: which there are, what they ask for, approving them.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;

use super::{
    arguments::Json,
    context::{Context, print_json},
    error::{self, CliError},
    plugin_run,
};
use crate::{
    author::{
        self,
        conformance::{self, Trial},
        scaffold::{self, Kind, Language},
    },
    catalog::{
        self, Component,
        lock::{Lock, Wishes},
        schema::Schema,
    },
    config::PluginSource,
    item::{
        Descriptor, PluginKind, ReadingMode,
        descriptor::{CredentialScheme, SourceTraits},
    },
    sandbox::{CallLimits, Sandbox},
    scheduler::{self, Inspected},
};

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
    /// Begin a plugin of your own: a project that builds and passes its tests at once.
    New {
        /// Its name, in lower-case words with `-` between them; the project's folder is called so.
        name: String,
        /// What it is to do.
        #[arg(long)]
        kind: NewKind,
        /// What it is written in.
        #[arg(long, default_value = "rust")]
        lang: NewLanguage,
    },
    /// Look at a component as its author: world, imports, purity, settings, words. Nothing is approved.
    Check {
        /// A `.wasm` file, or a bundled name.
        plugin: String,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Try a component against the contract: the same answers from any instance, in any order, page by page, from damaged input.
    Test {
        /// A `.wasm` file, or a bundled name.
        plugin: String,
        /// Folders of cases: a source needs its files there.
        #[arg(long, value_name = "DIR")]
        cases: Option<PathBuf>,
        /// Settings, as JSON; a case's `settings.json` comes before them.
        #[arg(long, value_name = "JSON", default_value = "{}")]
        settings: String,
        /// Keep what comes out as what is expected of each case.
        #[arg(long, requires = "cases")]
        update: bool,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Read with a source, as a turn would, and print the items; nothing is delivered.
    Run(plugin_run::Run),
    /// Copy a plugin into the folder `plugins` beside the configuration, and approve it.
    Install {
        /// A `.wasm` file, or an artifact of a registry: `ghcr.io/acme/acme-chat@sha256:…`.
        #[arg(value_name = "FILE|REFERENCE")]
        from: String,
        /// What it must be: `sha256:…`.
        #[arg(long)]
        digest: Option<String>,
        /// Also when it asks for more than the one it replaces.
        #[arg(long)]
        approve: bool,
    },
    /// How a plugin differs from the one of its name that is installed, or else bundled.
    Diff {
        /// A `.wasm` file, or an artifact of a registry: `ghcr.io/acme/acme-chat@sha256:…`.
        #[arg(value_name = "FILE|REFERENCE")]
        from: String,
    },
    /// Take an installed plugin out, its approval with it.
    Remove {
        /// Its name.
        name: String,
    },
    /// Approve a plugin of your own as it is now.
    Approve {
        /// A `.wasm` file, as the configuration names it.
        plugin: String,
    },
}

/// What a new plugin is to do.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum NewKind {
    /// Read items from somewhere.
    Source,
    /// Find people's mailboxes.
    Mapper,
    /// Write messages.
    Converter,
}

/// What a new plugin is written in.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum NewLanguage {
    /// Rust: small and fast.
    Rust,
    /// Python, by componentize-py.
    Python,
    /// JavaScript, by componentize-js.
    #[value(name = "javascript")]
    JavaScript,
}

pub(super) async fn run(context: &Context, command: Plugin) -> Result<ExitCode, CliError> {
    match command {
        Plugin::List(arguments) => list(context, arguments.json).await?,
        Plugin::Inspect { plugin, json } => inspect(&plugin, json).await?,
        Plugin::New { name, kind, lang } => new(&name, kind, lang)?,
        Plugin::Check { plugin, json } => return check(&plugin, json).await,
        Plugin::Test { plugin, cases, settings, update, json } => {
            let trial = Trial { settings: &settings, cases: cases.as_deref(), update };
            let sandbox = Sandbox::new(None, CallLimits::default())?;
            return shown(&conformance::test(&sandbox, &component(&plugin)?, trial).await?, json);
        }
        Plugin::Run(command) => return plugin_run::run(context, command).await,
        Plugin::Install { from, digest, approve } => {
            let host = context.host()?;
            let installed = scheduler::install(&host, &from, digest.as_deref(), approve, &context.actor()).await?;
            host.state.close()?;
            println!("installed {} as {}", installed.file, installed.digest);
            println!("it may ask for {}; each connector's `grant` says what it gets", or_nothing(&installed.more));
            println!("to use it: `plugin = \"{}\"`", installed.file);
        }
        Plugin::Diff { from } => {
            let host = context.host()?;
            let lines = scheduler::diff(&host, &from).await?;
            host.state.close()?;
            if lines.is_empty() {
                println!("no difference");
            }
            lines.iter().for_each(|line| println!("{line}"));
        }
        Plugin::Remove { name } => {
            let host = context.host()?;
            let file = scheduler::remove(&host, &name, &context.actor())?;
            host.state.close()?;
            println!("removed {file}");
        }
        Plugin::Approve { plugin } => approve(context, &plugin).await?,
    }
    Ok(error::DONE.into())
}

fn or_nothing(more: &[String]) -> String {
    if more.is_empty() { "nothing new".to_owned() } else { more.join(", ") }
}

fn source(plugin: &str) -> PluginSource {
    if plugin.ends_with(".wasm") || plugin.contains('/') {
        PluginSource::File(Path::new(plugin).to_owned())
    } else {
        PluginSource::Bundled(plugin.to_owned())
    }
}

const fn kind(descriptor: &Descriptor) -> &'static str {
    match descriptor.kind {
        PluginKind::Source(_) => "source",
        PluginKind::Mapper => "mapper",
        PluginKind::Converter(_) => "converter",
    }
}

async fn list(context: &Context, json: bool) -> Result<(), CliError> {
    let sandbox = Sandbox::new(None, CallLimits::default())?;
    let mut rows = Vec::new();
    for name in catalog::bundled_names() {
        let inspected = scheduler::inspect(&sandbox, &PluginSource::Bundled(name.to_owned())).await?;
        let descriptor = inspected.descriptor();
        rows.push((
            name.to_owned(),
            kind(descriptor),
            descriptor.version.clone(),
            inspected.component.digest_text(),
            descriptor.summary.clone(),
            "bundled",
        ));
    }
    for (source, locked) in Lock::beside(&context.config_file)?.plugins() {
        rows.push((source.clone(), "", locked.version.clone(), locked.digest.clone(), String::new(), "approved"));
    }
    if json {
        let rows: Vec<_> = rows.iter().map(|(source, kind, version, digest, summary, trust)| serde_json::json!({
            "source": source, "kind": kind, "version": version, "digest": digest, "summary": summary, "trust": trust,
        })).collect();
        return print_json(&rows);
    }
    for (source, kind, version, digest, summary, trust) in rows {
        println!("{source:<18} {kind:<10} {version:<8} {trust:<9} {}  {summary}", digest.get(..19).unwrap_or(&digest));
    }
    Ok(())
}

async fn inspect(plugin: &str, json: bool) -> Result<(), CliError> {
    let inspected = scheduler::inspect(&Sandbox::new(None, CallLimits::default())?, &source(plugin)).await?;
    let descriptor = inspected.descriptor();
    if json {
        return print_json(
            &serde_json::json!({ "source": inspected.component.source, "digest": inspected.component.digest_text(), "descriptor": descriptor }),
        );
    }
    println!("{} {} ({})", descriptor.name, descriptor.version, kind(descriptor));
    println!("  {}", descriptor.summary);
    println!("  from        {}", inspected.component.source);
    println!("  digest      {}", inspected.component.digest_text());
    print_wishes(&inspected);
    print_settings(descriptor);
    if let PluginKind::Source(traits) = &descriptor.kind {
        print_source(traits);
    }
    Ok(())
}

fn new(name: &str, kind: NewKind, language: NewLanguage) -> Result<(), CliError> {
    let kind = match kind {
        NewKind::Source => Kind::Source,
        NewKind::Mapper => Kind::Mapper,
        NewKind::Converter => Kind::Converter,
    };
    let language = match language {
        NewLanguage::Rust => Language::Rust,
        NewLanguage::Python => Language::Python,
        NewLanguage::JavaScript => Language::JavaScript,
    };
    let next = scaffold::project(Path::new(""), name, kind, language)?;
    println!("made `{name}`. Next:");
    for command in next {
        println!("  {command}");
    }
    Ok(())
}

pub(super) fn component(plugin: &str) -> Result<Component, CliError> {
    Ok(match source(plugin) {
        PluginSource::Bundled(name) => catalog::bundled(&name)?,
        PluginSource::File(path) => catalog::from_file(&path)?,
    })
}

async fn check(plugin: &str, json: bool) -> Result<ExitCode, CliError> {
    let sandbox = Sandbox::new(None, CallLimits::default())?;
    shown(&author::check::check(&sandbox, &component(plugin)?).await, json)
}

/// A report, and the exit code that says whether something in it is bad.
fn shown(report: &author::Report, json: bool) -> Result<ExitCode, CliError> {
    if json {
        print_json(report)?;
    } else {
        print!("{report}");
    }
    Ok(if report.ok { error::DONE.into() } else { error::FAILED.into() })
}

fn print_wishes(inspected: &Inspected) {
    let descriptor = inspected.descriptor();
    let wishes = Wishes::of(descriptor).beyond(&Wishes::default());
    println!("  asks for    {}", if wishes.is_empty() { "nothing".to_owned() } else { wishes.join(", ") });
    for wish in &descriptor.credentials {
        let scheme = match &wish.scheme {
            CredentialScheme::Basic => "basic".to_owned(),
            CredentialScheme::Bearer => "bearer".to_owned(),
            CredentialScheme::Header(name) => format!("header `{name}`"),
            CredentialScheme::Query(name) => format!("query `{name}`"),
            CredentialScheme::Login(recipe) => format!("login at `{}`", recipe.path),
            CredentialScheme::Oauth2(recipe) => format!("OAuth 2, {}", recipe.grant.name()),
            CredentialScheme::Certificate => "a client certificate".to_owned(),
            CredentialScheme::Hmac(recipe) => format!("requests signed in `{}`", recipe.header),
        };
        println!("  credential  {} ({scheme}): {}", wish.name, wish.summary);
    }
}

fn print_settings(descriptor: &Descriptor) {
    let Ok(schema) = Schema::parse(&descriptor.settings_schema) else {
        println!("  settings    its schema cannot be read");
        return;
    };
    for (name, property) in schema.properties() {
        let text = |key: &str| property.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let need = match (schema.requires(name), property.get("default")) {
            (true, _) => "required".to_owned(),
            (false, Some(default)) => format!("default {default}"),
            (false, None) => "optional".to_owned(),
        };
        println!("  setting     {name} ({need}): {}", text("description"));
    }
}

fn print_source(traits: &SourceTraits) {
    println!(
        "  reads       {}",
        match traits.reading {
            ReadingMode::Windowed => "windows of time",
            ReadingMode::Since => "what is new since a bookmark",
            ReadingMode::Whole => "files of a folder, each as a whole",
        }
    );
    println!("  folder      {}", traits.default_folder);
    println!("  data flow   {}", traits.data_flow);
    for prerequisite in &traits.prerequisites {
        println!("  before      {}{}", prerequisite.text, if prerequisite.checked { " (checked)" } else { "" });
    }
    if let Some(terms) = &traits.terms {
        println!("  terms {}  {}", terms.version, terms.text);
        println!("              accept them with `accepted_terms = \"{}\"` in the connector", terms.version);
    }
}

async fn approve(context: &Context, plugin: &str) -> Result<(), CliError> {
    let config = context.config()?;
    let source = match source(plugin) {
        PluginSource::File(path) => PluginSource::File(config.base.join(path)),
        PluginSource::Bundled(name) => {
            println!("`{name}` is bundled: it is trusted through this release and needs no approval");
            return Ok(());
        }
    };
    let host = context.host()?;
    let inspected = scheduler::inspect(&host.sandbox, &source).await?;
    let digest = inspected.component.digest_text();
    let more = scheduler::approve(&host, plugin, &digest, &context.actor()).await?;
    host.state.close()?;
    println!("approved {} as {digest}", inspected.component.source);
    println!("it may ask for {}; each connector's `grant` says what it gets", or_nothing(&more));
    Ok(())
}
