//! Takes a descriptor from a guest: checks it and carries it over.

use crate::item::{
    Descriptor, PluginKind, ReadingMode,
    chat::Extensions,
    descriptor::{CredentialScheme, CredentialWish, Grouping, LoginRecipe, Prerequisite, SourceTraits, Terms},
    limits,
};

use super::{bindings::descriptors as said, contract::World, diagnostic::is_code, egress::Origin};

/// Elements of a descriptor's lists.
const ELEMENTS_MAX: usize = 64;
/// A settings schema, or the text of terms.
const LONG_TEXT_BYTES_MAX: usize = 256 << 10;

/// Checks a descriptor and carries it over.
///
/// # Errors
/// Says which field breaks the contract.
pub(super) fn take(said: said::Descriptor, world: World) -> Result<Descriptor, String> {
    let said::Descriptor {
        name,
        version,
        summary,
        settings_schema,
        credentials,
        origins,
        origin_settings,
        kind,
        extensions,
    } = said;
    if !is_kebab(&name) {
        return Err("the descriptor's `name` is not kebab-case".to_owned());
    }
    if !is_semver(&version) {
        return Err("the descriptor's `version` is not a semantic version".to_owned());
    }
    text("summary", &summary, limits::NAME_BYTES_MAX)?;
    text("settings-schema", &settings_schema, LONG_TEXT_BYTES_MAX)?;
    let schema = serde_json::from_str::<serde_json::Value>(&settings_schema);
    let schema = schema.map_err(|error| format!("the descriptor's `settings-schema` is not JSON: {error}"))?;
    if schema.get("type").and_then(serde_json::Value::as_str) != Some("object") {
        return Err("the descriptor's `settings-schema` is not the schema of an object".to_owned());
    }
    for (field, count) in
        [("credentials", credentials.len()), ("origins", origins.len()), ("origin-settings", origin_settings.len())]
    {
        at_most(field, count)?;
    }
    for origin in &origins {
        origin.parse::<Origin>().map_err(|why| format!("the descriptor's `origins`: {why}"))?;
    }
    let properties = schema.get("properties");
    let is_setting = |name: &str| properties.is_some_and(|properties| properties.get(name).is_some());
    if !origin_settings.iter().all(|name| is_setting(name)) {
        return Err("the descriptor's `origin-settings` names a setting that the schema does not have".to_owned());
    }
    check_extensions(&extensions)?;
    let kind = take_kind(kind, world)?;
    if let PluginKind::Source(SourceTraits { folder_setting: Some(name), .. }) = &kind
        && !is_setting(name)
    {
        return Err("the descriptor's `folder-setting` names a setting that the schema does not have".to_owned());
    }
    let credentials = credentials.into_iter().map(take_credential).collect::<Result<_, _>>()?;
    Ok(Descriptor { name, version, summary, settings_schema, credentials, origins, origin_settings, kind, extensions })
}

fn take_kind(kind: said::PluginKind, world: World) -> Result<PluginKind, String> {
    let (kind, said_world) = match kind {
        said::PluginKind::Source(traits) => (PluginKind::Source(take_traits(traits)?), World::Source),
        said::PluginKind::Mapper => (PluginKind::Mapper, World::Mapper),
        said::PluginKind::Converter(said::Grouping::Item) => (PluginKind::Converter(Grouping::Item), World::Converter),
        said::PluginKind::Converter(said::Grouping::ConversationDay) => {
            (PluginKind::Converter(Grouping::ConversationDay), World::Converter)
        }
    };
    if said_world != world {
        let (said, is) = (said_world.name(), world.name());
        return Err(format!("the descriptor says it is a {said}, and it exports a {is}"));
    }
    Ok(kind)
}

fn take_traits(traits: said::SourceTraits) -> Result<SourceTraits, String> {
    let said::SourceTraits { reading, prerequisites, terms, data_flow, default_folder, folder_setting, file_endings } =
        traits;
    at_most("prerequisites", prerequisites.len())?;
    at_most("file-endings", file_endings.len())?;
    text("data-flow", &data_flow, LONG_TEXT_BYTES_MAX)?;
    if default_folder.is_empty() || default_folder.len() > 255 || default_folder.contains(['/', '\0', '\r', '\n']) {
        return Err("the descriptor's `default-folder` is not a folder's name".to_owned());
    }
    if file_endings
        .iter()
        .any(|ending| !ending.starts_with('.') || ending.len() > 32 || *ending != ending.to_lowercase())
    {
        return Err("the descriptor's `file-endings` are lower case with the dot, as in `.zip`".to_owned());
    }
    let reading = match reading {
        said::Reading::Windowed => ReadingMode::Windowed,
        said::Reading::Since => ReadingMode::Since,
        said::Reading::Whole => ReadingMode::Whole,
    };
    if reading == ReadingMode::Whole && folder_setting.is_none() {
        return Err("the descriptor's `folder-setting` is missing: a `whole` source reads a folder".to_owned());
    }
    let prerequisite = |said::Prerequisite { id, text: sentence, checked }| {
        text("prerequisites", &sentence, limits::NAME_BYTES_MAX)?;
        if is_kebab(&id) {
            Ok(Prerequisite { id, text: sentence, checked })
        } else {
            Err("the descriptor's `prerequisites`: an id is not kebab-case".to_owned())
        }
    };
    let terms = match terms {
        None => None,
        Some(said::Terms { version, text: terms }) => {
            text("terms", &version, limits::NAME_BYTES_MAX)?;
            text("terms", &terms, LONG_TEXT_BYTES_MAX)?;
            Some(Terms { version, text: terms })
        }
    };
    let prerequisites = prerequisites.into_iter().map(prerequisite).collect::<Result<_, String>>()?;
    Ok(SourceTraits { reading, prerequisites, terms, data_flow, default_folder, folder_setting, file_endings })
}

fn take_credential(wish: said::CredentialWish) -> Result<CredentialWish, String> {
    let said::CredentialWish { name, scheme, summary } = wish;
    if !is_kebab(&name) {
        return Err("the descriptor's `credentials`: a name is not kebab-case".to_owned());
    }
    text("credentials", &summary, limits::NAME_BYTES_MAX)?;
    let header_name = |name: &str| match http::HeaderName::try_from(name) {
        Ok(_) => Ok(()),
        Err(_) => Err("the descriptor's `credentials`: a header's name is not one".to_owned()),
    };
    let scheme = match scheme {
        said::CredentialScheme::Basic => CredentialScheme::Basic,
        said::CredentialScheme::Bearer => CredentialScheme::Bearer,
        said::CredentialScheme::Header(name) => {
            header_name(&name)?;
            CredentialScheme::Header(name)
        }
        said::CredentialScheme::Query(name) => {
            text("credentials", &name, 64)?;
            CredentialScheme::Query(name)
        }
        said::CredentialScheme::Login(said::LoginRecipe {
            path,
            username_field,
            password_field,
            token_pointer,
            header,
        }) => {
            header_name(&header)?;
            let plain =
                path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|byte| byte.is_ascii_graphic());
            if !plain || path.contains(['\\', '#']) || !token_pointer.starts_with('/') {
                return Err("the descriptor's `credentials`: the login's path or token pointer is not one".to_owned());
            }
            for field in [&path, &username_field, &password_field, &token_pointer] {
                text("credentials", field, limits::NAME_BYTES_MAX)?;
            }
            CredentialScheme::Login(LoginRecipe { path, username_field, password_field, token_pointer, header })
        }
    };
    Ok(CredentialWish { name, scheme, summary })
}

fn check_extensions(extensions: &Extensions) -> Result<(), String> {
    at_most("extensions", extensions.len())?;
    extensions.iter().flat_map(|(name, value)| [name, value]).try_for_each(|field| match field.len() {
        ..=limits::NAME_BYTES_MAX => Ok(()),
        _ => Err("the descriptor's `extensions`: a name or value is too long".to_owned()),
    })
}

fn text(field: &str, text: &str, bytes_max: usize) -> Result<(), String> {
    match text.len() {
        0 => Err(format!("the descriptor's `{field}` is empty")),
        bytes if bytes > bytes_max => Err(format!("the descriptor's `{field}` is over {bytes_max} bytes")),
        _ => Ok(()),
    }
}

fn at_most(field: &str, count: usize) -> Result<(), String> {
    if count <= ELEMENTS_MAX { Ok(()) } else { Err(format!("the descriptor has more than {ELEMENTS_MAX} `{field}`")) }
}

/// Lower-case letters and digits in words joined by single hyphens, a letter first.
fn is_kebab(name: &str) -> bool {
    is_code(name)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
}

/// `1.2.3`, with an optional pre-release and build part (semver.org, 2.0.0).
fn is_semver(version: &str) -> bool {
    let (rest, build) = version.split_once('+').map_or((version, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let is_number = |part: &str| {
        (1..=18).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_pre = |part: &str| is_word(part) && (!part.bytes().all(|byte| byte.is_ascii_digit()) || is_number(part));
    version.len() <= 128
        && core.split('.').count() == 3
        && core.split('.').all(is_number)
        && pre.is_none_or(|pre| pre.split('.').all(is_pre))
        && build.is_none_or(|build| build.split('.').all(is_word))
}

#[cfg(test)]
mod tests;
