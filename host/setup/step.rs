//! The steps, and what each asks.

use crate::item::descriptor::{Oauth2Grant, Oauth2Recipe};

use super::{
    catalogue::{Catalogue, Offer},
    destination::{DestinationKind, KINDS, Login},
    draft::Draft,
    field::{Choice, Field, Kind, of_schema},
};

/// A step, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Which source, and the connector's name.
    Source,
    /// What must be so before it works, and its terms.
    Terms,
    /// What its plugin asks for.
    Grant,
    /// Its settings, and how to sign in.
    Settings,
    /// Where copies go.
    Destination,
    /// How to get there.
    DestinationSettings,
    /// Who has which mailbox.
    Mapping,
    /// When to look.
    Schedule,
    /// The file that comes of it.
    Review,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Source,
        Self::Terms,
        Self::Grant,
        Self::Settings,
        Self::Destination,
        Self::DestinationSettings,
        Self::Mapping,
        Self::Schedule,
        Self::Review,
    ];

    /// Its name in paths.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Terms => "terms",
            Self::Grant => "grant",
            Self::Settings => "settings",
            Self::Destination => "destination",
            Self::DestinationSettings => "destination-settings",
            Self::Mapping => "mapping",
            Self::Schedule => "schedule",
            Self::Review => "review",
        }
    }

    /// What people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Terms => "Terms",
            Self::Grant => "What it may reach",
            Self::Settings => "Settings and sign-in",
            Self::Destination => "Destination",
            Self::DestinationSettings => "Its settings",
            Self::Mapping => "User mapping",
            Self::Schedule => "Schedule",
            Self::Review => "Review",
        }
    }

    /// The step of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// What a step says and asks.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// What to know before answering, a paragraph each.
    pub words: Vec<String>,
    /// What is asked.
    pub fields: Vec<Field>,
}

impl Form {
    /// A step's form, as far as the steps before it are answered.
    pub(super) fn of(step: Step, draft: &Draft, catalogue: &Catalogue) -> Self {
        let offer = draft.offer(catalogue);
        match (step, offer) {
            (Step::Source, _) => source(catalogue),
            (Step::Terms, Some(offer)) => terms(offer),
            (Step::Grant, Some(offer)) => grant(offer),
            (Step::Settings, Some(offer)) => settings(offer),
            (Step::Destination, _) => destination(draft),
            (Step::DestinationSettings, _) => destination_settings(draft),
            (Step::Mapping, _) => mapping(catalogue),
            (Step::Schedule, Some(offer)) => schedule(draft, offer),
            _ => Self::default(),
        }
    }
}

fn source(catalogue: &Catalogue) -> Form {
    let offers = catalogue.offers.iter().filter(|offer| offer.problem().is_none());
    let choices = offers.map(|offer| Choice {
        value: offer.plugin.clone(),
        label: format!("{}: {}", offer.descriptor.name, offer.descriptor.summary),
        about: about(offer),
    });
    let mut fields = vec![
        Field::text("plugin", "Source", "What is archived.").kind(Kind::Choice(choices.collect())),
        Field::text(
            "name",
            "Name of the connector",
            "Lower-case letters, digits and hyphens; its ledger and its file are called so.",
        ),
    ];
    if let [only] = catalogue.offers.as_slice() {
        fields[0].default.clone_from(&only.plugin);
    }
    Form { words: Vec::new(), fields }
}

/// What somebody knows of a source before they choose it.
fn about(offer: &Offer) -> Vec<String> {
    let needs: Vec<&str> = offer.traits.prerequisites.iter().map(|needed| needed.text.as_str()).collect();
    let mut about = vec![format!("Where data flows: {}", offer.traits.data_flow)];
    if !needs.is_empty() {
        about.push(format!("Before: {}", needs.join(" ")));
    }
    about
}

/// The name of a prerequisite's answer.
pub(super) fn prerequisite(id: &str) -> String {
    format!("prerequisite-{id}")
}

fn terms(offer: &Offer) -> Form {
    let mut form = Form { words: vec![format!("Where data flows: {}", offer.traits.data_flow)], fields: Vec::new() };
    for prerequisite in &offer.traits.prerequisites {
        if prerequisite.checked {
            form.words.push(format!("Checked later: {}", prerequisite.text));
        } else {
            let name = self::prerequisite(&prerequisite.id);
            form.fields.push(Field::text(&name, &prerequisite.text, "").kind(Kind::YesNo));
        }
    }
    if let Some(terms) = &offer.traits.terms {
        form.words.push(format!("Terms, version {}: {}", terms.version, terms.text));
        let help = "Who accepts them and which version stands in the ledger.";
        form.fields.push(Field::text("terms", "The terms are accepted", help).kind(Kind::YesNo));
    }
    form
}

fn grant(offer: &Offer) -> Form {
    if offer.wishes.is_empty() {
        return Form {
            words: vec!["The plugin asks for nothing: it reaches nobody and reads no folder.".to_owned()],
            ..Form::default()
        };
    }
    let mut words = vec!["The plugin runs in a sandbox. It asks for:".to_owned()];
    words.extend(offer.wishes.iter().map(|wish| format!("– {wish}")));
    words.push("Nothing else is allowed, and it never sees a password: the host attaches it.".to_owned());
    Form { words, fields: vec![Field::text("granted", "Grant it", "").kind(Kind::YesNo)] }
}

fn settings(offer: &Offer) -> Form {
    let mut fields = offer.schema.as_ref().map(of_schema).unwrap_or_default();
    let mut words = Vec::new();
    if let Some(wish) = offer.credential() {
        words.push(wish.summary.clone());
        fields.extend(login_fields(&wish.scheme));
    }
    Form { words, fields }
}

/// The answers of which credentials are made.
pub(super) const USERNAME: &str = "credential-username";
pub(super) const SECRET: &str = "credential-secret";
pub(super) const TOKEN_URL: &str = "credential-token-url";
pub(super) const CLIENT_ID: &str = "credential-client-id";
pub(super) const AUTHORIZATION_URL: &str = "credential-authorization-url";
pub(super) const SCOPE: &str = "credential-scope";
pub(super) const SUBJECT: &str = "credential-subject";
pub(super) const CERTIFICATE: &str = "credential-certificate";
pub(super) const PRIVATE_KEY: &str = "credential-private-key";

pub(super) fn login_fields(scheme: &crate::item::descriptor::CredentialScheme) -> Vec<Field> {
    use crate::item::descriptor::CredentialScheme as Scheme;
    match scheme {
        Scheme::Basic | Scheme::Login(_) => basic_fields(),
        Scheme::Bearer | Scheme::Header(_) | Scheme::Query(_) => {
            vec![Field::text(SECRET, "Token", STORED).kind(Kind::Secret)]
        }
        Scheme::Oauth2(recipe) => oauth2_fields(recipe),
        Scheme::Certificate => {
            vec![Field::text(CERTIFICATE, "Certificate", "The path of a PEM file on this host."), private_key_field()]
        }
        Scheme::Hmac(recipe) => {
            let name = recipe.key_header.iter().map(|_| Field::text(USERNAME, "Name of the key", ""));
            name.chain([Field::text(SECRET, "Key", STORED).kind(Kind::Secret)]).collect()
        }
    }
}

/// Where a secret goes.
const STORED: &str = "It goes to the host's store of secrets.";

fn private_key_field() -> Field {
    Field::text(PRIVATE_KEY, "Private key", "The path of a PEM file on this host that only its user may read.")
}

fn oauth2_fields(recipe: &Oauth2Recipe) -> Vec<Field> {
    let said = |url: &Option<String>| url.clone().unwrap_or_default();
    let mut fields = vec![
        Field::text(TOKEN_URL, "Token address", "").default(&said(&recipe.token_url)),
        Field::text(CLIENT_ID, "Application (client) id", ""),
        Field::text(SCOPE, "What is asked for", "Several are separated by spaces.").default(&recipe.scopes.join(" ")),
    ];
    match recipe.grant {
        Oauth2Grant::ClientCredentials => {
            fields.push(Field::text(SECRET, "Client secret", STORED).kind(Kind::Secret));
        }
        Oauth2Grant::AuthorizationCode => {
            let url = said(&recipe.authorization_url);
            fields.push(Field::text(AUTHORIZATION_URL, "Address where people sign in", "").default(&url));
            fields.push(Field::text(SECRET, "Client secret, if it has one", STORED).kind(Kind::Secret).optional());
        }
        Oauth2Grant::JwtBearer => {
            fields.push(Field::text(SUBJECT, "For whom, if not for itself", "").optional());
            fields.push(private_key_field());
        }
    }
    fields
}

fn basic_fields() -> Vec<Field> {
    vec![Field::text(USERNAME, "User name", ""), Field::text(SECRET, "Password", STORED).kind(Kind::Secret)]
}

fn destination(draft: &Draft) -> Form {
    let choices = KINDS.iter().map(|kind| Choice {
        value: kind.name.to_owned(),
        label: kind.label.to_owned(),
        about: Vec::new(),
    });
    let field = Field::text("kind", "Where copies go", "").kind(Kind::Choice(choices.collect()));
    let words = draft
        .destinations()
        .map(|table| format!("Already there: {}", table.get("kind").and_then(toml::Value::as_str).unwrap_or_default()));
    Form { words: words.collect(), fields: vec![field] }
}

fn destination_settings(draft: &Draft) -> Form {
    let Some(kind) = draft.answer(Step::Destination, "kind").and_then(|name| DestinationKind::find(&name)) else {
        return Form::default();
    };
    let mut fields = kind.schema().as_ref().map(of_schema).unwrap_or_default();
    match kind.credential {
        Some(Login::Basic) => fields.extend(basic_fields()),
        Some(Login::Application) => fields.extend([
            Field::text(TOKEN_URL, "Token address", "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token"),
            Field::text(CLIENT_ID, "Application (client) id", ""),
            Field::text(SECRET, "Client secret", STORED).kind(Kind::Secret),
        ]),
        None => {}
    }
    fields.push(
        Field::text("another", "Add another destination after this one", "").kind(Kind::YesNo).optional().default("no"),
    );
    Form { words: vec![kind.label.to_owned()], fields }
}

fn mapping(catalogue: &Catalogue) -> Form {
    let mut fields = of_schema(&catalogue.mapper);
    let help = "Columns `External User ID` and `Microsoft 365 User Mailbox`; without a file the source's addresses count alone.";
    fields.push(Field::text("file", "Mapping file (CSV)", help).kind(Kind::File).optional());
    Form { words: Vec::new(), fields }
}

fn schedule(draft: &Draft, offer: &Offer) -> Form {
    let help = "`daily at 02:00 Europe/Berlin`, `hourly`, or `cron 0 2 * * * Europe/Berlin`";
    let folder = offer.descriptor.folder(&draft.settings).unwrap_or_default();
    let folder = format!("`{folder}` when left out.");
    let mut fields = vec![Field::text("schedule", "When to look", help).default("daily at 02:00 UTC")];
    if offer.traits.reading == crate::item::ReadingMode::Windowed {
        fields.push(
            Field::text("since", "Archive from this day on", "`2026-11-01`; the day before today when left out.")
                .optional(),
        );
    }
    fields.push(Field::text("folder", "Folder in each mailbox", &folder).optional());
    Form { words: Vec::new(), fields }
}
