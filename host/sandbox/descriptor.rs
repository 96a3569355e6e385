//! Takes a descriptor from a guest: checks it and carries it over.

use crate::item::{
    Descriptor, PluginKind, ReadingMode,
    chat::Extensions,
    descriptor::{
        CredentialScheme, CredentialWish, Grouping, HmacEncoding, HmacPart, HmacRecipe, LoginRecipe, Oauth2Grant,
        Oauth2Recipe, Prerequisite, SourceTraits, Terms,
    },
    limits,
};

use super::{
    contract::{World, v1::descriptors as said},
    diagnostic::is_code,
    egress::Origin,
};

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
    let descriptor =
        Descriptor { name, version, summary, settings_schema, credentials, origins, origin_settings, kind, extensions };
    let says_folders = descriptor.extensions.iter().any(|(name, _)| name == "folders");
    let folders_fit = descriptor.folders_by_setting().is_some_and(|(setting, folders)| {
        is_setting(&setting) && folders.values().all(|folder| folder.as_str().is_some_and(is_folder))
    });
    if says_folders && !folders_fit {
        return Err(
            "the descriptor's extension `folders` is not an object of a setting, its values and folders".to_owned()
        );
    }
    Ok(descriptor)
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
    if !is_folder(&default_folder) {
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

fn is_folder(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.contains(['/', '\0', '\r', '\n'])
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
        said::CredentialScheme::Oauth2(recipe) => CredentialScheme::Oauth2(take_oauth2(recipe)?),
        said::CredentialScheme::Certificate => CredentialScheme::Certificate,
        said::CredentialScheme::Hmac(recipe) => {
            let names = [Some(&recipe.header), recipe.timestamp_header.as_ref(), recipe.key_header.as_ref()];
            names.into_iter().flatten().try_for_each(|name| header_name(name))?;
            CredentialScheme::Hmac(take_hmac(recipe)?)
        }
    };
    Ok(CredentialWish { name, scheme, summary })
}

fn take_oauth2(recipe: said::Oauth2Recipe) -> Result<Oauth2Recipe, String> {
    let said::Oauth2Recipe { grant, token_url, authorization_url, scopes } = recipe;
    at_most("credentials", scopes.len())?;
    for url in [&token_url, &authorization_url].into_iter().flatten() {
        text("credentials", url, limits::NAME_BYTES_MAX)?;
        let is_safe = url::Url::parse(url).is_ok_and(|url| url.scheme() == "https" && url.has_host());
        if !is_safe {
            return Err("the descriptor's `credentials`: an address of `oauth2` is no URL of `https://`".to_owned());
        }
    }
    for scope in &scopes {
        text("credentials", scope, limits::NAME_BYTES_MAX)?;
        if !scope.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the descriptor's `credentials`: a scope is not one word".to_owned());
        }
    }
    let grant = match grant {
        said::Oauth2Grant::ClientCredentials => Oauth2Grant::ClientCredentials,
        said::Oauth2Grant::AuthorizationCode => Oauth2Grant::AuthorizationCode,
        said::Oauth2Grant::JwtBearer => Oauth2Grant::JwtBearer,
    };
    Ok(Oauth2Recipe { grant, token_url, authorization_url, scopes })
}

fn take_hmac(recipe: said::HmacRecipe) -> Result<HmacRecipe, String> {
    let said::HmacRecipe { parts, separator, header, prefix, encoding, timestamp_header, key_header } = recipe;
    at_most("credentials", parts.len())?;
    if !parts.iter().any(|part| !matches!(part, said::HmacPart::Literal(_))) {
        return Err("the descriptor's `credentials`: what `hmac` signs holds nothing of the request".to_owned());
    }
    let part = |part| match part {
        said::HmacPart::Literal(words) => HmacPart::Literal(words),
        said::HmacPart::Method => HmacPart::Method,
        said::HmacPart::PathAndQuery => HmacPart::PathAndQuery,
        said::HmacPart::Timestamp => HmacPart::Timestamp,
        said::HmacPart::Body => HmacPart::Body,
        said::HmacPart::BodySha256 => HmacPart::BodySha256,
    };
    let parts: Vec<HmacPart> = parts.into_iter().map(part).collect();
    let literals = parts.iter().filter_map(|part| match part {
        HmacPart::Literal(words) => Some(words),
        _ => None,
    });
    if literals.chain([&separator, &prefix]).any(|words| words.len() > limits::NAME_BYTES_MAX) {
        return Err("the descriptor's `credentials`: the words of `hmac` are too long".to_owned());
    }
    let encoding = match encoding {
        said::HmacEncoding::Hex => HmacEncoding::Hex,
        said::HmacEncoding::Base64 => HmacEncoding::Base64,
    };
    Ok(HmacRecipe { parts, separator, header, prefix, encoding, timestamp_header, key_header })
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
