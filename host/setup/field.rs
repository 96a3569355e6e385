//! Fields of a form, made from the schemas of settings, and answers made into values.

use serde_json::{Map, Value};

use super::draft::Problem;
use crate::{catalog::schema::Schema, item::limits::SETUP_ANSWER_BYTES_MAX};

/// Something that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name among the answers.
    pub name: String,
    /// What people read.
    pub label: String,
    /// More about it; may be empty.
    pub help: String,
    /// What an answer may be.
    pub kind: Kind,
    /// Whether it must be answered.
    pub is_required: bool,
    /// The answer when nothing is said.
    pub default: String,
}

/// What an answer may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line.
    Text,
    /// A line that nobody else reads.
    Secret,
    /// A whole number.
    Number,
    /// `yes` or `no`.
    YesNo,
    /// One of these.
    Choice(Vec<Choice>),
    /// One on each line.
    List,
    /// `key = value` on each line.
    Pairs,
    /// A file of comma-separated values.
    File,
}

/// Something to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its name in the answer.
    pub value: String,
    /// What people read.
    pub label: String,
    /// What to know before choosing it, a paragraph each.
    pub about: Vec<String>,
}

impl Field {
    /// A line that must be answered.
    pub(super) fn text(name: &str, label: &str, help: &str) -> Self {
        let [name, label, help] = [name, label, help].map(str::to_owned);
        Self { name, label, help, kind: Kind::Text, is_required: true, default: String::new() }
    }

    pub(super) fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }

    pub(super) fn default(self, default: &str) -> Self {
        Self { default: default.to_owned(), ..self }
    }

    fn of_property(schema: &Schema, name: &str, property: &Value) -> Self {
        let text = |key: &str| property.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let label = if text("title").is_empty() { name.to_owned() } else { text("title") };
        let kind = kind(property);
        let default = property.get("default").map(|value| shown(value, &kind)).unwrap_or_default();
        let is_required = schema.requires(name) && default.is_empty();
        Self { name: name.to_owned(), label, help: text("description"), kind, is_required, default }
    }
}

fn kind(property: &Value) -> Kind {
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        let choice = |value: &str| Choice { value: value.to_owned(), label: value.to_owned(), about: Vec::new() };
        return Kind::Choice(values.iter().filter_map(Value::as_str).map(choice).collect());
    }
    match property.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => Kind::Number,
        Some("boolean") => Kind::YesNo,
        Some("array") => Kind::List,
        Some("object") => Kind::Pairs,
        _ => Kind::Text,
    }
}

fn shown(value: &Value, kind: &Kind) -> String {
    match (value, kind) {
        (Value::Bool(yes), _) => if *yes { "yes" } else { "no" }.to_owned(),
        (Value::String(text), _) => text.clone(),
        (Value::Array(values), _) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        (Value::Object(pairs), Kind::Pairs) => pairs
            .iter()
            .map(|(key, value)| format!("{key} = {}", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join("\n"),
        (value, _) => value.to_string(),
    }
}

/// A field for each setting; what must be answered comes first.
pub(super) fn of_schema(schema: &Schema) -> Vec<Field> {
    let fields = schema.properties().map(|(name, property)| Field::of_property(schema, name, property));
    let mut fields: Vec<Field> = fields.collect();
    fields.sort_by_key(|field| !field.is_required);
    fields
}

/// The settings that answers to [`of_schema`]'s fields mean, without those that are as by default.
///
/// # Errors
/// What is wrong, by field.
pub(super) fn settings(
    schema: &Schema,
    mut answer: impl FnMut(&Field) -> String,
) -> Result<Map<String, Value>, Vec<Problem>> {
    let (mut settings, mut problems) = (Map::new(), Vec::new());
    for (name, property) in schema.properties() {
        let field = Field::of_property(schema, name, property);
        let text = answer(&field);
        let text = text.trim();
        if text.len() > SETUP_ANSWER_BYTES_MAX {
            problems.push(Problem::new(name, format!("is longer than {SETUP_ANSWER_BYTES_MAX} bytes")));
        } else if !text.is_empty() && text != field.default {
            match value(text, &field.kind, property) {
                Ok(value) => drop(settings.insert(name.clone(), value)),
                Err(why) => problems.push(Problem::new(name, why)),
            }
        }
    }
    if let Err(wrong) = schema.check(&settings) {
        let known: Vec<String> = problems.iter().map(|problem: &Problem| problem.field.clone()).collect();
        problems.extend(wrong.into_iter().filter_map(|problem| {
            let field = problem.setting.split(['.', '[']).next().unwrap_or_default().to_owned();
            (!known.contains(&field)).then(|| Problem::new(&field, problem.message))
        }));
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn value(text: &str, kind: &Kind, property: &Value) -> Result<Value, String> {
    Ok(match kind {
        Kind::Number => {
            let number = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<f64>().map(Value::from));
            number.map_err(|_| "is no number".to_owned())?
        }
        Kind::YesNo => match text {
            "yes" => Value::Bool(true),
            "no" => Value::Bool(false),
            _ => return Err("is neither `yes` nor `no`".to_owned()),
        },
        Kind::List => lines(text).map(Value::from).collect::<Vec<_>>().into(),
        Kind::Pairs => {
            let pair = |line: &str| {
                let (key, value) = line.split_once('=').ok_or_else(|| format!("has no `=` in `{line}`"))?;
                Ok((key.trim().to_owned(), Value::from(value.trim())))
            };
            Value::Object(lines(text).map(pair).collect::<Result<_, String>>()?)
        }
        // A setting of several shapes: what reads as another shape is that, anything else is text.
        Kind::Text if property.get("oneOf").is_some() && text.starts_with(['{', '[']) => {
            serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))?
        }
        Kind::Text | Kind::Secret | Kind::Choice(_) | Kind::File => text.into(),
    })
}

/// What a list holds: one on each line, or separated by commas.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty())
}
