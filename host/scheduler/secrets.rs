//! Turns references to secrets into secrets, at the last moment before a turn.

use std::{collections::BTreeMap, env, fs, path::Path, sync::Arc};

use secrecy::SecretString;

use crate::{
    catalog::secrets::SecretStore,
    config::{Config, Credential, Grant, HeldSecret, Oauth2, Proof, Scheme, SecretRef},
    destinations::imap::{Access, Account},
    item::{Descriptor, Failure, NextMove, descriptor::CredentialScheme},
    network::{
        self, Application, Certificate, ClientCertificate, ClientSecret, PersonSignIn, RefreshToken, ServiceKey,
        TokenSource,
    },
    sandbox::{self, Credential as Attached, Origin},
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
            let (scheme, username, proof) = attached(config, credential, &wish.scheme)?;
            Ok(Attached {
                name: name.to_owned(),
                asked_as: wish.name.clone(),
                scheme,
                origins: origins.clone(),
                username,
                proof,
            })
        })
        .collect()
}

/// How the host attaches it, with the user name and what proves who asks.
fn attached(
    config: &Config,
    credential: &Credential,
    wished: &CredentialScheme,
) -> Result<(CredentialScheme, Option<String>, sandbox::Proof), Failure> {
    let secret = |secret| of_credential(config, &credential.name, secret).map(sandbox::Proof::Secret);
    let no_recipe =
        |scheme: &str| wrong(credential, &format!("its scheme is `{scheme}`, but the plugin has no recipe for it"));
    Ok(match &credential.scheme {
        Scheme::Basic { username, password } => (CredentialScheme::Basic, Some(username.clone()), secret(password)?),
        Scheme::Bearer { token } => (CredentialScheme::Bearer, None, secret(token)?),
        Scheme::Header { parameter, value } => (CredentialScheme::Header(parameter.clone()), None, secret(value)?),
        Scheme::Query { parameter, value } => (CredentialScheme::Query(parameter.clone()), None, secret(value)?),
        Scheme::Login { username, password } => match wished {
            CredentialScheme::Login(_) => (wished.clone(), Some(username.clone()), secret(password)?),
            _ => return Err(no_recipe("login")),
        },
        Scheme::Oauth2(_) => match wished {
            CredentialScheme::Oauth2(_) => {
                (wished.clone(), None, sandbox::Proof::Tokens(token_source(config, credential)?))
            }
            _ => return Err(no_recipe("oauth2")),
        },
        Scheme::Certificate { file, key } => {
            let key = of_credential(config, &credential.name, key)?;
            let certificate = ClientCertificate::from_pem(&certificate(credential, file)?, &key);
            let certificate = certificate.map_err(|why| wrong(credential, why))?;
            (CredentialScheme::Certificate, None, sandbox::Proof::Certificate(Arc::new(certificate)))
        }
        Scheme::Hmac { username, secret: key } => match wished {
            CredentialScheme::Hmac(_) => (wished.clone(), username.clone(), secret(key)?),
            _ => return Err(no_recipe("hmac")),
        },
    })
}

fn certificate(credential: &Credential, file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| wrong(credential, &format!("cannot read `{}`: {error}", file.display())))
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
    let credential = defined(config, name)?;
    match &credential.scheme {
        Scheme::Basic { username, password } => {
            Ok(Account::Password { username: username.clone(), password: of_credential(config, name, password)? })
        }
        Scheme::Oauth2(_) => Ok(Account::Token(token_source(config, credential)?)),
        _ => Err(wrong(credential, "a mail server is signed in to with `basic` or `oauth2`")),
    }
}

/// Signs the host in at another side, with a client of its own.
///
/// # Errors
/// `secret-missing`, `credential-scheme`, `network-misconfigured`, `egress-denied`.
pub(super) fn token_source(config: &Config, credential: &Credential) -> Result<Arc<TokenSource>, Failure> {
    Ok(TokenSource::new(application(config, credential)?, network::http_client(&config.network)?))
}

fn application(config: &Config, credential: &Credential) -> Result<Application, Failure> {
    let Scheme::Oauth2(Oauth2 { token_url, client_id, grant, scope }) = &credential.scheme else {
        return Err(wrong(credential, "its scheme is not `oauth2`"));
    };
    let address = token_url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
    network::check_literal(&config.network, &token_url.origin().ascii_serialization(), address)?;
    let secret = |secret| of_credential(config, &credential.name, secret);
    let grant = match grant {
        Grant::ClientCredentials(Proof::Secret(shared)) => {
            network::Grant::Application(ClientSecret::Shared(secret(shared)?))
        }
        Grant::ClientCredentials(Proof::Certificate { file, key }) => {
            let certificate = Certificate::from_pem(&certificate(credential, file)?, &secret(key)?);
            let certificate = certificate.map_err(|why| wrong(credential, why))?;
            network::Grant::Application(ClientSecret::Certificate(Box::new(certificate)))
        }
        Grant::AuthorizationCode { secret: shared, .. } => network::Grant::Person {
            secret: shared.as_ref().map(secret).transpose()?,
            refresh: Arc::new(Kept::of(config, &credential.name)),
        },
        Grant::JwtBearer { key, key_id, subject } => {
            let key = ServiceKey::from_pem(&secret(key)?, key_id.clone(), subject.clone());
            network::Grant::Assertion(Box::new(key.map_err(|why| wrong(credential, why))?))
        }
    };
    Ok(Application {
        name: credential.name.clone(),
        token_url: token_url.clone(),
        client_id: client_id.clone(),
        grant,
        scope: scope.clone(),
    })
}

/// A credential that somebody names.
///
/// # Errors
/// `credential-scheme` when there is none of this name.
pub(super) fn defined<'a>(config: &'a Config, name: &str) -> Result<&'a Credential, Failure> {
    config.credentials.get(name).ok_or_else(|| {
        let names: Vec<&str> = config.credentials.keys().map(String::as_str).collect();
        let hint = match names.as_slice() {
            [] => format!("define `[credential.{name}]` in the configuration"),
            names => format!("defined are: {}", names.join(", ")),
        };
        let message = format!("credential `{name}` is not defined");
        Failure::new("credential-scheme", NextMove::AskPerson, message).hint(hint)
    })
}

/// A person's sign-in for a credential, who is sent back to `redirect`.
///
/// # Errors
/// `credential-scheme` when nobody signs in for it.
pub fn person_sign_in(config: &Config, name: &str, redirect: url::Url) -> Result<PersonSignIn, Failure> {
    let credential = defined(config, name)?;
    let Scheme::Oauth2(Oauth2 { grant: Grant::AuthorizationCode { authorization_url, .. }, .. }) = &credential.scheme
    else {
        return Err(wrong(credential, "nobody signs in for it: its grant is not `authorization-code`"));
    };
    Ok(PersonSignIn {
        application: application(config, credential)?,
        authorization_url: authorization_url.clone(),
        redirect,
    })
}

/// Where the token is kept that a person's sign-in for a credential left: in the host's store of secrets.
pub struct Kept {
    store: SecretStore,
    name: String,
    /// In place of the store's, for a connector that is still being put together.
    held: Option<HeldSecret>,
}

impl Kept {
    /// Of this credential.
    pub fn of(config: &Config, credential: &str) -> Self {
        let name = Self::name(credential);
        Self { store: SecretStore::of(&config.data_dir), held: config.held.get(&name).cloned(), name }
    }

    /// What the store calls it.
    pub fn name(credential: &str) -> String {
        format!("{credential}-refresh-token")
    }
}

impl RefreshToken for Kept {
    fn read(&self) -> Result<SecretString, Failure> {
        self.held.as_ref().map_or_else(|| self.store.get(&self.name), |held| Ok(held.secret()))
    }

    fn write(&self, token: &SecretString) -> Result<(), Failure> {
        match &self.held {
            Some(held) => {
                held.replace(token.clone());
                Ok(())
            }
            None => self.store.set(&self.name, token),
        }
    }
}

/// The tenant that a credential signs in to: the first segment of its token endpoint.
pub(super) fn tenant(credential: &Credential) -> String {
    let Scheme::Oauth2(Oauth2 { token_url, .. }) = &credential.scheme else { return String::new() };
    token_url.path_segments().and_then(|mut path| path.next()).unwrap_or_default().to_owned()
}

fn of_credential(config: &Config, name: &str, secret: &SecretRef) -> Result<SecretString, Failure> {
    read(config, &format!("credential `{name}`"), name, secret)
}

/// The secret that a reference names, which is of `what`; it might be called `name` in the store.
///
/// # Errors
/// `secret-missing` with where to put it.
pub fn read(config: &Config, what: &str, name: &str, secret: &SecretRef) -> Result<SecretString, Failure> {
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
        SecretRef::Store(name) => match config.held.get(name) {
            Some(held) => Ok(held.secret()),
            None => SecretStore::of(&config.data_dir).get(name),
        },
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
