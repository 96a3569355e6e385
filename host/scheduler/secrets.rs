//! Turns references to secrets into secrets, at the last moment before a turn.

use std::{env, fs};

use secrecy::SecretString;

use crate::{
    catalog::secrets::SecretStore,
    config::{Config, Credential, Scheme, SecretRef},
    item::{CredentialScheme, Descriptor, Failure, NextMove},
    sandbox::{Credential as Attached, CredentialScheme as Attachment, Origin},
};

/// The credential a source's plugin names in its requests, with its secret.
///
/// # Errors
/// `secret-missing` with where to put it; `credential-scheme` when the plugin wants another scheme.
pub(super) fn credential(
    config: &Config,
    name: &str,
    descriptor: &Descriptor,
) -> Result<Vec<Attached>, Failure> {
    let Some(credential) = config.credentials.get(name) else { return Ok(Vec::new()) };
    let origins = credential
        .origins
        .iter()
        .map(|origin| origin.parse::<Origin>().map_err(|error| wrong(credential, &error.to_string())))
        .collect::<Result<Vec<_>, _>>()?;
    let mut attached = Vec::new();
    for wish in &descriptor.credentials {
        attached.push(Attached {
            name: wish.name.clone(),
            secret_name: name.to_owned(),
            origins: origins.clone(),
            scheme: attachment(config, credential, &wish.scheme)?,
        });
    }
    Ok(attached)
}

fn attachment(config: &Config, credential: &Credential, wished: &CredentialScheme) -> Result<Attachment, Failure> {
    let secret = |secret: &SecretRef| read(config, &credential.name, secret);
    Ok(match (&credential.scheme, wished) {
        (Scheme::Basic { username, password }, _) => {
            Attachment::Basic { username: username.clone(), password: secret(password)? }
        }
        (Scheme::Bearer { token }, _) => Attachment::Bearer { token: secret(token)? },
        (Scheme::Header { parameter, value }, _) => {
            Attachment::Header { name: parameter.clone(), value: secret(value)? }
        }
        (Scheme::Query { parameter, value }, _) => Attachment::Query { name: parameter.clone(), value: secret(value)? },
        (Scheme::Login { username, password }, CredentialScheme::Login(recipe)) => Attachment::Login {
            username: username.clone(),
            password: secret(password)?,
            recipe: recipe.clone(),
        },
        (Scheme::Login { .. }, _) => {
            return Err(wrong(credential, "its scheme is `login`, but the plugin has no recipe for signing in"));
        }
    })
}

fn read(config: &Config, credential: &str, secret: &SecretRef) -> Result<SecretString, Failure> {
    let missing = |what: String, hint: String| {
        let message = format!("the secret of credential `{credential}` is missing: {what}");
        Failure::new("secret-missing", NextMove::AskPerson, message).hint(hint)
    };
    match secret {
        SecretRef::Env(variable) => env::var(variable).map(SecretString::from).map_err(|_| {
            missing(
                format!("the environment has no variable `{variable}`"),
                format!("export {variable}=…, or use `{{ store = \"{credential}\" }}` and `chancery secret set {credential}`"),
            )
        }),
        SecretRef::File(path) => fs::read_to_string(path)
            .map(|text| SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
            .map_err(|error| {
                let hint = "put the secret alone in that file, readable only by the user that runs chancery";
                missing(format!("cannot read `{}`: {error}", path.display()), hint.to_owned())
            }),
        SecretRef::Store(name) => SecretStore::of(&config.data_dir).get(name),
    }
}

fn wrong(credential: &Credential, what: &str) -> Failure {
    Failure::new("credential-scheme", NextMove::AskPerson, format!("`[credential.{}]` cannot be used: {what}", credential.name))
        .hint("see `chancery plugin inspect` for what the plugin wants, and docs/configuration.md for the schemes")
}
