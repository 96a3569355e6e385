//! `chancery plugin`: which there are, what they ask for, approving them.

use std::{path::Path, process::ExitCode};

use super::{
    arguments::Plugin as Command,
    context::{Context, print_json},
    error::{self, CliError},
};
use crate::{
    catalog::{
        self,
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

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List(arguments) => list(context, arguments.json).await?,
        Command::Inspect { plugin, json } => inspect(&plugin, json).await?,
        Command::Approve { plugin } => approve(context, &plugin).await?,
    }
    Ok(error::DONE.into())
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
    let inspected = scheduler::inspect(&scheduler::sandbox_of(&config)?, &source).await?;
    let mut lock = Lock::beside(&config.file)?;
    let before =
        lock.plugins().get(&inspected.component.source).map(|locked| locked.wishes.clone()).unwrap_or_default();
    let more = Wishes::of(inspected.descriptor()).beyond(&before);
    lock.approve(&inspected.component, inspected.descriptor());
    lock.save()?;
    println!("approved {} as {}", inspected.component.source, inspected.component.digest_text());
    println!(
        "it may ask for {}; each connector's `grant` says what it gets",
        if more.is_empty() { "nothing new".to_owned() } else { more.join(", ") }
    );
    Ok(())
}
