//! A look at a component: what it is, what it asks for, and whether the host and people can work with it. Nothing of it runs but
//! `describe`.

use super::report::{Finding, Report};
use crate::{
    catalog::{Component, lock::Wishes, schema::Schema},
    item::{Descriptor, Failure, PluginKind, limits},
    sandbox::{self, Plugin, Sandbox, World},
};

/// Above this, a plugin takes noticeably longer to compile and to start. A Rust one has below 1 MiB, a JavaScript or Python one
/// 10 to 20.
const LARGE_BYTES: usize = 24 << 20;

/// Looks at a component.
pub async fn check(sandbox: &Sandbox, component: &Component) -> Report {
    let mut findings = vec![size(component)];
    let name = component.name();
    match sandbox.load(name, &component.source, &component.bytes).await {
        Err(failure) => findings.push(unusable(&failure)),
        Ok(plugin) => {
            findings.push(Finding::good(
                "world",
                format!("a {} for `{}`, as this host speaks it", plugin.world.name(), sandbox::contract()),
            ));
            findings.push(imports(&plugin));
            findings.push(described_twice(sandbox, component, &plugin).await);
            findings.push(named(name, &plugin.descriptor));
            findings.extend(settings(&plugin.descriptor));
            findings.push(wishes(&plugin.descriptor));
            findings.extend(words(&plugin.descriptor));
        }
    }
    Report::of(component.source.clone(), findings)
}

/// What keeps it from being loaded, in the words of the host; codes as in `docs/reasons.md`.
fn unusable(failure: &Failure) -> Finding {
    let hint = failure.hint.clone().unwrap_or_else(|| format!("chancery explain {}", failure.code));
    Finding::bad("world", format!("{} ({})", failure.message, failure.code), hint)
}

fn size(component: &Component) -> Finding {
    let bytes = component.bytes.len();
    let text = format!("{} KiB, {}", bytes.div_ceil(1024), component.digest_text());
    if bytes <= LARGE_BYTES {
        return Finding::good("size", text);
    }
    let limit = limits::COMPONENT_BYTES_MAX >> 20;
    Finding::note("size", text, format!("strip it, and build it optimised for size; {limit} MiB are the most"))
}

/// Converter and mapper are pure: what a runtime imports unasked is linked and empty, and best not there at all.
fn imports(plugin: &Plugin) -> Finding {
    let wasi: Vec<&str> = plugin.imports.iter().filter(|name| name.starts_with("wasi:")).map(String::as_str).collect();
    let ours = plugin.imports.len() - wasi.len();
    if plugin.world == World::Source {
        return Finding::good("imports", format!("{ours} of the contract, {} of WASI", wasi.len()));
    }
    if wasi.is_empty() {
        return Finding::good("pure", "nothing of WASI is imported");
    }
    let text = format!("{} interfaces of WASI are imported, which are empty here (`{}`, …)", wasi.len(), wasi[0]);
    Finding::note(
        "pure",
        text,
        "leave them out: componentize-py `--stub-wasi`, componentize-js `--disable all`; Rust's standard library brings some",
    )
}

async fn described_twice(sandbox: &Sandbox, component: &Component, plugin: &Plugin) -> Finding {
    match sandbox.load(component.name(), &component.source, &component.bytes).await {
        Ok(again) if again.descriptor == plugin.descriptor => Finding::good("describe", "answers the same twice"),
        Ok(_) => Finding::bad(
            "describe",
            "two instances describe themselves differently",
            "answer with constants: no clock, no randomness, no state",
        ),
        Err(failure) => unusable(&failure),
    }
}

fn named(file: &str, descriptor: &Descriptor) -> Finding {
    let text = format!("`{}` {}", descriptor.name, descriptor.version);
    if file.replace('_', "-") == descriptor.name {
        return Finding::good("name", text);
    }
    Finding::note("name", text, format!("the file is called `{file}.wasm`; people find one name easier"))
}

fn settings(descriptor: &Descriptor) -> Vec<Finding> {
    let schema = match Schema::parse(&descriptor.settings_schema) {
        Ok(schema) => schema,
        Err(why) => {
            let hint = "docs/contract.md has the subset of JSON Schema";
            return vec![Finding::bad("settings", format!("the schema cannot be used: {why}"), hint)];
        }
    };
    let mut findings = Vec::new();
    let lacks = |key: &str| {
        let without = schema.properties().filter(|(_, property)| property.get(key).is_none());
        without.map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    findings.push(Finding::good("settings", format!("a schema of {}", schema.properties().count())));
    for (key, what) in [("title", "the label in forms"), ("description", "the sentence below it")] {
        let lacking = lacks(key);
        if !lacking.is_empty() {
            findings.push(Finding::note(
                "settings",
                format!("no `{key}` for {lacking}"),
                format!("`{key}` is {what}, in the wizard and in `plugin inspect`"),
            ));
        }
    }
    // A default that does not pass is found by whoever leaves the setting out.
    let needed = schema.properties().filter(|(name, _)| schema.requires(name)).map(|(name, _)| name.as_str());
    let needed: Vec<&str> = needed.collect();
    if let Err(problems) = schema.check(&serde_json::Map::new()) {
        let wrong = problems.iter().filter(|problem| !needed.contains(&problem.setting.as_str()));
        findings.extend(wrong.map(|problem| {
            let text = format!("the default of `{}` does not pass: {}", problem.setting, problem.message);
            Finding::bad("settings", text, "give it a default that its own schema allows, or none")
        }));
    }
    findings
}

fn wishes(descriptor: &Descriptor) -> Finding {
    let wishes = Wishes::of(descriptor).beyond(&Wishes::default());
    let text =
        if wishes.is_empty() { "asks for nothing".to_owned() } else { format!("asks for {}", wishes.join(", ")) };
    Finding::good("wishes", text)
}

/// What people read before they trust it with their chats.
fn words(descriptor: &Descriptor) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !descriptor.summary.trim_end().ends_with('.') || descriptor.summary.chars().count() > 200 {
        findings.push(Finding::note(
            "words",
            "`summary` is not one sentence",
            "say in one sentence what it reads or writes; it stands on the wizard's card",
        ));
    }
    for wish in descriptor.credentials.iter().filter(|wish| wish.summary.trim().is_empty()) {
        let text = format!("credential `{}` has no `summary`", wish.name);
        findings.push(Finding::note("words", text, "say which account it is, and where one gets it"));
    }
    if let PluginKind::Source(traits) = &descriptor.kind {
        if traits.data_flow.trim().is_empty() {
            findings.push(Finding::bad(
                "words",
                "`data-flow` is empty",
                "say in two or three sentences where the data flows and who stores it on the way",
            ));
        }
        if traits.prerequisites.is_empty() {
            findings.push(Finding::note(
                "words",
                "there are no `prerequisites`",
                "name what the organisation must have done before; `checked` ones are proven by `check`",
            ));
        }
    }
    findings
}
