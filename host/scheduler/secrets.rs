//! Turns references to secrets into secrets, at the last moment before a turn.

use std::{collections::BTreeMap, env, fs, sync::Arc};

use secrecy::SecretString;

use crate::{
    catalog::secrets::SecretStore,
    config::{Config, Credential, Proof, Scheme, SecretRef},
    destinations::imap::{Access, Account},
    item::{Descriptor, Failure, NextMove, descriptor::CredentialScheme},
    network::{self, Certificate, ClientCredentials, ClientSecret, TokenSource},
    sandbox::{Credential as Attached, Origin},
};

/// The credential a source's plugin names in its requests, with its secret.
///
/// # Errors
/// `secret-missing` with where to put it; `credential-scheme` when the plugin wants another scheme.
pub(super) fn credential(config: &Config, name: &str, descriptor: &Descriptor) -> Result<Vec<Attached>, Failure> {
    let Some(credential) = config.credentials.get(name) else { return Ok(Vec::new()) };
    let origins = credential
        .origins
        .iter()
        .map(|origin| origin.parse::<Origin>().map_err(|error| wrong(credential, &error.to_string())))
        .collect::<Result<Vec<_>, _>>()?;
    descriptor
        .credentials
        .iter()
        .map(|wish| {
            let (scheme, username, secret) = scheme(credential, &wish.scheme)?;
            Ok(Attached {
                name: name.to_owned(),
                asked_as: wish.name.clone(),
                scheme,
                origins: origins.clone(),
                username: username.cloned(),
                secret: of_credential(config, name, secret)?,
            })
        })
        .collect()
}

/// How the host attaches it, with the user name and where the secret is.
fn scheme<'a>(
    credential: &'a Credential,
    wished: &CredentialScheme,
) -> Result<(CredentialScheme, Option<&'a String>, &'a SecretRef), Failure> {
    Ok(match &credential.scheme {
        Scheme::Basic { username, password } => (CredentialScheme::Basic, Some(username), password),
        Scheme::Bearer { token } => (CredentialScheme::Bearer, None, token),
        Scheme::Header { parameter, value } => (CredentialScheme::Header(parameter.clone()), None, value),
        Scheme::Query { parameter, value } => (CredentialScheme::Query(parameter.clone()), None, value),
        Scheme::Oauth2 { .. } => {
            return Err(wrong(credential, "its scheme is `oauth2`, which is for destinations and not for plugins"));
        }
        Scheme::Login { username, password } => match wished {
            CredentialScheme::Login(_) => (wished.clone(), Some(username), password),
            _ => {
                return Err(wrong(credential, "its scheme is `login`, but the plugin has no recipe for signing in"));
            }
        },
    })
}

/// What an IMAP destination signs in with, by the name of the credential. Nothing is asked of anybody yet.
///
/// # Errors
/// `secret-missing` with where to put it; `credential-scheme`.
pub(super) fn accounts(config: &Config, access: &Access) -> Result<BTreeMap<String, Account>, Failure> {
    access.credentials().into_iter().map(|name| Ok((name.to_owned(), account(config, name)?))).collect()
}

/// What a mail server is signed in to with. Nothing is asked of anybody yet.
///
/// # Errors
/// As [`accounts`].
pub(super) fn account(config: &Config, name: &str) -> Result<Account, Failure> {
    // The configuration was checked whole: the credential is there.
    let credential = config.credentials.get(name).ok_or_else(|| {
        Failure::new("credential-scheme", NextMove::AskPerson, format!("credential `{name}` is not defined"))
    })?;
    match &credential.scheme {
        Scheme::Basic { username, password } => {
            Ok(Account::Password { username: username.clone(), password: of_credential(config, name, password)? })
        }
        Scheme::Oauth2 { .. } => Ok(Account::Token(token_source(config, credential)?)),
        _ => Err(wrong(credential, "a mail server is signed in to with `basic` or `oauth2`")),
    }
}

/// Signs the host itself in as an application, with a client of its own.
///
/// # Errors
/// `secret-missing`, `credential-scheme`, `network-misconfigured`, `egress-denied`.
pub(super) fn token_source(config: &Config, credential: &Credential) -> Result<Arc<TokenSource>, Failure> {
    let Scheme::Oauth2 { token_url, client_id, proof, scope } = &credential.scheme else {
        return Err(wrong(credential, "its scheme is not `oauth2`"));
    };
    let address = token_url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
    network::check_literal(&config.network, &token_url.origin().ascii_serialization(), address)?;
    let credentials = ClientCredentials {
        name: credential.name.clone(),
        token_url: token_url.clone(),
        client_id: client_id.clone(),
        secret: match proof {
            Proof::Secret(secret) => ClientSecret::Shared(of_credential(config, &credential.name, secret)?),
            Proof::Certificate { file, key } => {
                let certificate = fs::read(file)
                    .map_err(|error| wrong(credential, &format!("cannot read `{}`: {error}", file.display())))?;
                let key = of_credential(config, &credential.name, key)?;
                let certificate = Certificate::from_pem(&certificate, &key);
                ClientSecret::Certificate(Box::new(certificate.map_err(|why| wrong(credential, why))?))
            }
        },
        scope: scope.clone(),
    };
    Ok(TokenSource::new(credentials, network::http_client(&config.network)?))
}

/// The tenant that a credential signs in to: the first segment of its token endpoint.
pub(super) fn tenant(credential: &Credential) -> String {
    let Scheme::Oauth2 { token_url, .. } = &credential.scheme else { return String::new() };
    token_url.path_segments().and_then(|mut path| path.next()).unwrap_or_default().to_owned()
}

fn of_credential(config: &Config, name: &str, secret: &SecretRef) -> Result<SecretString, Failure> {
    read(config, &format!("credential `{name}`"), name, secret)
}

/// The secret that a reference names, which is of `what`; it might be called `name` in the store.
///
/// # Errors
/// `secret-missing` with where to put it.
pub(super) fn read(config: &Config, what: &str, name: &str, secret: &SecretRef) -> Result<SecretString, Failure> {
    let missing = |why: String, hint: String| {
        let message = format!("the secret of {what} is missing: {why}");
        Failure::new("secret-missing", NextMove::AskPerson, message).hint(hint)
    };
    match secret {
        SecretRef::Env(variable) => env::var(variable).map(SecretString::from).map_err(|_| {
            missing(
                format!("the environment has no variable `{variable}`"),
                format!("export {variable}=…, or use `{{ store = \"{name}\" }}` and `chancery secret set {name}`"),
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
    Failure::new(
        "credential-scheme",
        NextMove::AskPerson,
        format!("`[credential.{}]` cannot be used: {what}", credential.name),
    )
    .hint("see `chancery plugin inspect` for what the plugin wants, and docs/configuration.md for the schemes")
}
