//! The answers so far, and what each step makes of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{
    catalogue::{Catalogue, Offer},
    destination::{self, DestinationKind, Login},
    field::{self, Field, Kind},
    step::{
        self, AUTHORIZATION_URL, CERTIFICATE, CLIENT_ID, Form, PRIVATE_KEY, SCOPE, SECRET, SUBJECT, Step, TOKEN_URL,
        USERNAME, prerequisite,
    },
};
use crate::{
    config::{HeldSecret, Schedule},
    destinations::graph::Cloud,
    item::{
        descriptor::Oauth2Grant,
        limits::{CONNECTOR_NAME_BYTES_MAX, SETUP_ANSWER_BYTES_MAX, SETUP_DESTINATIONS_MAX},
        time::parse_instant,
    },
};

/// What was answered, by field; nothing for what was left empty.
pub type Answers = BTreeMap<String, String>;

/// Something that is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field; empty for the form as a whole.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Problem {
    pub(super) fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }

    /// A problem that whoever asks has found.
    pub fn of(field: &str, message: &str) -> Self {
        Self::new(field, message)
    }
}

/// A credential that the file is to have.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    /// Its keys but for the secret, in their order.
    pub(super) table: toml::Table,
    /// The secret, and the key that refers to it.
    pub(super) secret: Option<(&'static str, SecretString)>,
    /// What a person's sign-in left, where one is needed.
    pub(super) person: Option<Person>,
}

/// A person's sign-in.
#[derive(Clone, Debug)]
pub(super) enum Person {
    /// It is to come.
    Awaited,
    /// It left this, which is renewed while the connector is tried.
    SignedIn(HeldSecret),
}

/// A destination that the file is to have.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) table: toml::Table,
    pub(super) credential: Option<Credential>,
}

/// A connector that is being put together. It lives in memory alone.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    answers: BTreeMap<Step, Answers>,
    pub(super) settings: Map<String, Value>,
    pub(super) credential: Option<Credential>,
    pub(super) destinations: Vec<Destination>,
    pub(super) mapper: Map<String, Value>,
    pub(super) mapping: Option<Bytes>,
    done: std::collections::BTreeSet<Step>,
}

impl Draft {
    /// What a step asks.
    pub fn form(&self, step: Step, catalogue: &Catalogue) -> Form {
        Form::of(step, self, catalogue)
    }

    /// The first step that is not answered.
    pub fn next(&self) -> Step {
        Step::ALL.into_iter().find(|step| !self.done.contains(step)).unwrap_or(Step::Review)
    }

    /// The step to go to after this one was answered.
    pub fn next_after(&self, step: Step) -> Step {
        let after = Step::ALL.into_iter().find(|other| *other > step).unwrap_or(Step::Review);
        after.min(self.next())
    }

    /// Whether a destination was added.
    pub fn has_destinations(&self) -> bool {
        !self.destinations.is_empty()
    }

    /// Its schedule, as answered.
    pub fn schedule(&self) -> Option<String> {
        self.answer(Step::Schedule, "schedule")
    }

    /// Whether a step may be looked at: all before it are answered.
    pub fn may_see(&self, step: Step) -> bool {
        step <= self.next()
    }

    /// What was answered at a step, or what stands there by default. A secret is never given back.
    pub fn shown(&self, step: Step, field: &Field) -> String {
        if field.kind == Kind::Secret {
            return String::new();
        }
        self.answer(step, &field.name).unwrap_or_else(|| field.default.clone())
    }

    /// Whether a secret was given at a step: leaving its field empty keeps it.
    pub fn has_secret(&self, step: Step) -> bool {
        step == Step::Settings && self.credential.is_some()
    }

    /// The mapping file that was chosen.
    pub fn mapping(&self) -> Option<&Bytes> {
        self.mapping.as_ref()
    }

    /// The connector's name.
    pub fn name(&self) -> Option<String> {
        self.answer(Step::Source, "name")
    }

    pub(super) fn answer(&self, step: Step, field: &str) -> Option<String> {
        self.answers.get(&step)?.get(field).cloned()
    }

    pub(super) fn offer<'a>(&self, catalogue: &'a Catalogue) -> Option<&'a Offer> {
        catalogue.offer(&self.answer(Step::Source, "plugin")?)
    }

    pub(super) fn destinations(&self) -> impl Iterator<Item = &toml::Table> {
        self.destinations.iter().map(|destination| &destination.table)
    }

    /// Answers a step. Steps after it stay answered, but for those whose questions are others now.
    ///
    /// # Errors
    /// What is wrong, by field; the draft is as before.
    pub fn take(
        &mut self,
        step: Step,
        sent: &Answers,
        file: Option<Bytes>,
        catalogue: &Catalogue,
    ) -> Result<(), Vec<Problem>> {
        if !self.may_see(step) {
            return Err(vec![Problem::new("", "answer the steps before this one first")]);
        }
        let form = self.form(step, catalogue);
        let mut answers = Answers::new();
        let mut problems = Vec::new();
        for field in &form.fields {
            let text = sent.get(&field.name).map(|text| text.trim()).unwrap_or_default();
            if let Some(why) = unfit(field, text, self.has_secret(step)) {
                problems.push(Problem::new(&field.name, why));
            } else if field.kind != Kind::File {
                let text = if text.is_empty() { &field.default } else { text };
                if !text.is_empty() {
                    answers.insert(field.name.clone(), text.to_owned());
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let secret = answers.remove(SECRET).map(SecretString::from);
        let mut next = self.clone();
        next.answers.insert(step, answers);
        next.meaning(step, secret, file, catalogue)?;
        next.done.insert(step);
        *self = next;
        Ok(())
    }

    fn meaning(
        &mut self,
        step: Step,
        secret: Option<SecretString>,
        file: Option<Bytes>,
        catalogue: &Catalogue,
    ) -> Result<(), Vec<Problem>> {
        match step {
            Step::Source => self.source(catalogue),
            Step::Terms => self.terms(catalogue),
            Step::Grant => {
                let is_refused = self.answer(step, "granted").is_some_and(|answer| answer != "yes");
                let why = "without it the plugin cannot read anything: grant it, or choose another source";
                if is_refused { Err(vec![Problem::new("granted", why)]) } else { Ok(()) }
            }
            Step::Settings => self.source_settings(secret, catalogue),
            Step::Destination => {
                self.done.remove(&Step::DestinationSettings);
                Ok(())
            }
            Step::DestinationSettings => self.destination(secret),
            Step::Mapping => {
                self.mapper = field::settings(&catalogue.mapper, |field| self.shown(step, field))?;
                self.mapping = file.or(self.mapping.take());
                Ok(())
            }
            Step::Schedule => self.fits_schedule(),
            Step::Review => Ok(()),
        }
    }

    fn source(&mut self, catalogue: &Catalogue) -> Result<(), Vec<Problem>> {
        let name = self.name().unwrap_or_default();
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = name.len() <= CONNECTOR_NAME_BYTES_MAX
            && name.bytes().all(fits)
            && name.starts_with(|c: char| c.is_ascii_lowercase());
        if !is_name {
            let why = format!(
                "is no name: a lower-case letter, then letters, digits and hyphens, {CONNECTOR_NAME_BYTES_MAX} at most"
            );
            return Err(vec![Problem::new("name", why)]);
        }
        if catalogue.taken.contains(&name) {
            return Err(vec![Problem::new("name", "is taken by a connector, or by the ledger of a former one")]);
        }
        // Another source has other terms, wishes and settings.
        for step in [Step::Terms, Step::Grant, Step::Settings] {
            self.done.remove(&step);
            self.answers.remove(&step);
        }
        self.credential = None;
        Ok(())
    }

    fn terms(&self, catalogue: &Catalogue) -> Result<(), Vec<Problem>> {
        let Some(offer) = self.offer(catalogue) else { return Err(vec![Problem::new("", "choose a source first")]) };
        let no = |field: &str| self.answer(Step::Terms, field).is_none_or(|answer| answer != "yes");
        let open = offer.traits.prerequisites.iter().filter(|of| !of.checked).map(|of| prerequisite(&of.id));
        let mut problems: Vec<Problem> = open
            .filter(|field| no(field))
            .map(|field| Problem::new(&field, "must be so before the connector can work"))
            .collect();
        if offer.traits.terms.is_some() && no("terms") {
            problems.push(Problem::new("terms", "the source may only be used by who accepts its terms"));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn source_settings(&mut self, secret: Option<SecretString>, catalogue: &Catalogue) -> Result<(), Vec<Problem>> {
        use crate::item::descriptor::CredentialScheme as Scheme;
        let Some(offer) = self.offer(catalogue) else { return Err(vec![Problem::new("", "choose a source first")]) };
        let schema = offer.schema.as_ref().map_err(|why| vec![Problem::new("", why.clone())])?;
        self.settings = field::settings(schema, |field| self.shown(Step::Settings, field))?;
        let Some(wish) = offer.credential() else { return Ok(()) };
        let secret = secret.or_else(|| self.credential.take()?.secret.map(|(_, secret)| secret));
        let asks = step::login_fields(&wish.scheme);
        if secret.is_none() && asks.iter().any(|field| field.name == SECRET && field.is_required) {
            return Err(vec![Problem::new(SECRET, "is needed to sign in")]);
        }
        let (scheme, secret_key) = match &wish.scheme {
            Scheme::Basic => ("basic", "password"),
            Scheme::Login(_) => ("login", "password"),
            Scheme::Bearer => ("bearer", "token"),
            Scheme::Header(_) => ("header", "value"),
            Scheme::Query(_) => ("query", "value"),
            Scheme::Oauth2(_) => ("oauth2", "secret"),
            Scheme::Certificate => ("certificate", "private_key"),
            Scheme::Hmac(_) => ("hmac", "secret"),
        };
        let mut table = toml::Table::new();
        table.insert("scheme".to_owned(), scheme.into());
        table.insert("origins".to_owned(), self.origins(offer).into());
        let mut person = None;
        match &wish.scheme {
            Scheme::Header(name) | Scheme::Query(name) => {
                table.insert("parameter".to_owned(), name.clone().into());
            }
            Scheme::Oauth2(recipe) => {
                table.insert("grant".to_owned(), recipe.grant.name().into());
                person = (recipe.grant == Oauth2Grant::AuthorizationCode).then_some(Person::Awaited);
            }
            _ => {}
        }
        for (field, key) in [
            (USERNAME, "username"),
            (TOKEN_URL, "token_url"),
            (AUTHORIZATION_URL, "authorization_url"),
            (CLIENT_ID, "client_id"),
            (SCOPE, "scope"),
            (SUBJECT, "subject"),
            (CERTIFICATE, "certificate"),
        ] {
            if let Some(said) = self.answer(Step::Settings, field) {
                table.insert(key.to_owned(), said.into());
            }
        }
        if let Some(path) = self.answer(Step::Settings, PRIVATE_KEY) {
            let place = toml::Table::from_iter([("file".to_owned(), path.into())]);
            table.insert("private_key".to_owned(), place.into());
        }
        self.credential = Some(Credential { table, secret: secret.map(|secret| (secret_key, secret)), person });
        Ok(())
    }

    /// Whether somebody has to sign in at the other side before the source can be asked.
    pub fn awaits_sign_in(&self) -> bool {
        self.credential.as_ref().is_some_and(|credential| matches!(credential.person, Some(Person::Awaited)))
    }

    /// Takes what a person's sign-in left.
    pub fn signed_in(&mut self, token: SecretString) {
        if let Some(credential) = self.credential.as_mut().filter(|credential| credential.person.is_some()) {
            credential.person = Some(Person::SignedIn(token.into()));
        }
    }

    /// The origins that the source may reach: those it names, and those of the settings it names.
    pub(super) fn origins(&self, offer: &Offer) -> Vec<String> {
        let mut origins = offer.descriptor.origins.clone();
        let of_settings = offer.descriptor.origin_settings.iter().filter_map(|name| self.settings.get(name)?.as_str());
        let urls = of_settings.filter_map(|text| url::Url::parse(text).ok());
        origins.extend(urls.map(|url| url.origin().ascii_serialization()));
        origins.dedup();
        origins
    }

    /// The folders that it may read.
    pub(super) fn folders(&self, offer: &Offer) -> Vec<String> {
        let setting = offer.traits.folder_setting.as_ref();
        setting.and_then(|name| self.settings.get(name)?.as_str()).map(str::to_owned).into_iter().collect()
    }

    fn destination(&mut self, secret: Option<SecretString>) -> Result<(), Vec<Problem>> {
        let step = Step::DestinationSettings;
        let kind = self.answer(Step::Destination, "kind").and_then(|name| DestinationKind::find(&name));
        let Some(kind) = kind else { return Err(vec![Problem::new("", "choose a destination first")]) };
        let schema = kind.schema().map_err(|why| vec![Problem::new("", why)])?;
        let settings = field::settings(&schema, |field| self.shown(step, field))?;
        // What stands there by default is written too: a file says where its mail is.
        let settings = schema.check(&settings).unwrap_or(settings);
        let mut table = toml::Table::new();
        let credential = match (kind.credential, secret) {
            (None, _) => None,
            (Some(_), None) => return Err(vec![Problem::new(SECRET, "is needed to sign in")]),
            (Some(login), Some(secret)) => {
                let answer = |field| self.answer(step, field).unwrap_or_default();
                let secret_key = match login {
                    Login::Basic => {
                        table.insert("scheme".to_owned(), "basic".into());
                        table.insert("username".to_owned(), answer(USERNAME).into());
                        "password"
                    }
                    Login::Application => {
                        table.insert("scheme".to_owned(), "oauth2".into());
                        table.insert("token_url".to_owned(), answer(TOKEN_URL).into());
                        table.insert("client_id".to_owned(), answer(CLIENT_ID).into());
                        let cloud = Cloud::parse(&answer("cloud")).unwrap_or_default();
                        table.insert("scope".to_owned(), format!("{}/.default", cloud.graph()).into());
                        "secret"
                    }
                };
                Some(Credential { table, secret: Some((secret_key, secret)), person: None })
            }
        };
        if self.destinations.len() >= SETUP_DESTINATIONS_MAX {
            return Err(vec![Problem::new(
                "",
                format!("{SETUP_DESTINATIONS_MAX} destinations are enough here; add more in the file"),
            )]);
        }
        let wants_another = self.answer(step, "another").is_some_and(|answer| answer == "yes");
        let place = credential.as_ref().map(|_| self.destinations.len());
        let name = place.map(|place| self.credential_name(place)).transpose()?;
        let table = destination::table(kind, settings, name.as_deref());
        self.destinations.push(Destination { table, credential });
        if wants_another {
            self.done.remove(&Step::Destination);
            self.answers.remove(&Step::Destination);
        }
        self.answers.remove(&step);
        Ok(())
    }

    /// With something in place of what is not answered yet, to try the rest.
    pub(super) fn completed(&self) -> Self {
        let mut draft = self.clone();
        if draft.destinations.is_empty() {
            let mailboxes = toml::Table::from_iter([("domains".to_owned(), vec!["example.invalid"].into())]);
            let nowhere: [(&str, toml::Value); 3] =
                [("kind", "maildir".into()), ("root", "mail".into()), ("mailboxes", mailboxes.into())];
            let table = nowhere.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            draft.destinations.push(Destination { table, credential: None });
        }
        draft
            .answers
            .entry(Step::Schedule)
            .or_insert_with(|| Answers::from([("schedule".to_owned(), "hourly".to_owned())]));
        draft.mapping = None;
        draft
    }

    /// Forgets the destinations, to choose them anew.
    pub fn drop_destinations(&mut self) {
        self.destinations.clear();
        for step in [Step::Destination, Step::DestinationSettings] {
            self.done.remove(&step);
            self.answers.remove(&step);
        }
    }

    /// The name of a destination's credential.
    pub(super) fn credential_name(&self, destination: usize) -> Result<String, Vec<Problem>> {
        let name = self.name().ok_or_else(|| vec![Problem::new("", "choose a source first")])?;
        Ok(format!("{name}-to-{}", destination + 1))
    }

    fn fits_schedule(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        if let Err(why) = Schedule::parse(&self.answer(Step::Schedule, "schedule").unwrap_or_default()) {
            problems.push(Problem::new("schedule", why));
        }
        if let Some(Err(why)) = self.answer(Step::Schedule, "since").map(|text| parse_instant(&text)) {
            problems.push(Problem::new("since", why));
        }
        if self.answer(Step::Schedule, "folder").is_some_and(|folder| folder.contains(['\n', '\r', '\0'])) {
            problems.push(Problem::new("folder", "is one line"));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// What keeps an answer from being taken, before anybody asks what it means.
fn unfit(field: &Field, text: &str, has_secret: bool) -> Option<String> {
    if text.len() > SETUP_ANSWER_BYTES_MAX {
        return Some(format!("is longer than {SETUP_ANSWER_BYTES_MAX} bytes"));
    }
    if text.is_empty() {
        let is_kept = field.kind == Kind::Secret && has_secret;
        let is_said = field.kind == Kind::YesNo || !field.default.is_empty();
        return (field.is_required && !is_kept && !is_said).then(|| "is needed".to_owned());
    }
    let is_line = !matches!(field.kind, Kind::List | Kind::Pairs | Kind::Text);
    if text.chars().any(|c| c.is_control() && (is_line || !matches!(c, '\n' | '\r' | '\t'))) {
        return Some("has characters that cannot be read".to_owned());
    }
    match &field.kind {
        Kind::Choice(choices) if !choices.iter().any(|choice| choice.value == text) => {
            Some("is none of those to choose from".to_owned())
        }
        Kind::YesNo if !matches!(text, "yes" | "no") => Some("is neither `yes` nor `no`".to_owned()),
        _ => None,
    }
}
