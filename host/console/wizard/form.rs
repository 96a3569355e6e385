//! Fields as HTML, each with its label, its help, and what is wrong with it.

use maud::{Markup, html};

use super::words;
use crate::setup::{Answers, Choice, Draft, Field, Kind, Problem, Step};

/// What is wrong, before the form: whoever cannot see the fields hears it first.
pub(super) fn summary(problems: &[Problem]) -> Markup {
    html! {
        @if !problems.is_empty() {
            div class="problem" role="alert" {
                p { "This is not taken yet:" }
                ul { @for problem in problems {
                    li { @if problem.field.is_empty() { (words(&problem.message)) } @else { a href={ "#" (problem.field) } { (problem.field) } " " (words(&problem.message)) } }
                } }
            }
        }
    }
}

/// All fields of a step.
pub(super) fn fields(fields: &[Field], draft: &Draft, step: Step, sent: &Answers, problems: &[Problem]) -> Markup {
    html! {
        @for field in fields {
            @let problem = problems.iter().find(|problem| problem.field == field.name);
            @let value = match sent.get(&field.name) {
                Some(sent) if field.kind != Kind::Secret => sent.clone(),
                _ => draft.shown(step, field),
            };
            div class="field" { (one(field, &value, draft.has_secret(step), problem)) }
        }
    }
}

fn one(field: &Field, value: &str, has_secret: bool, problem: Option<&Problem>) -> Markup {
    let Field { name, label, help, kind, is_required, .. } = field;
    let is_kept = *kind == Kind::Secret && has_secret;
    let needs = *is_required && !is_kept;
    let has_hint = !help.is_empty() || is_kept;
    let described: Vec<String> = [(problem.is_some(), "problem"), (has_hint, "hint")]
        .into_iter()
        .filter(|(is_there, _)| *is_there)
        .map(|(_, what)| format!("{name}-{what}"))
        .collect();
    let described = (!described.is_empty()).then(|| described.join(" "));
    let invalid = problem.map(|_| "true");
    html! {
        @if *kind == Kind::YesNo {
            label class="choice" {
                input id=(name) type="checkbox" name=(name) value="yes" checked[value == "yes"]
                    aria-describedby=[described.as_deref()] aria-invalid=[invalid];
                span { (words(label)) }
            }
        } @else if let Kind::Choice(choices) = kind && choices.iter().any(|choice| !choice.about.is_empty()) {
            (cards(field, choices, value, described.as_deref(), invalid))
        } @else {
            label for=(name) { (words(label)) @if !needs { span class="hint" { " (may be left out)" } } }
            @match kind {
                Kind::Choice(choices) => select id=(name) name=(name) aria-describedby=[described.as_deref()] aria-invalid=[invalid] {
                    @if value.is_empty() && !needs { option value="" { "" } }
                    @for choice in choices { option value=(choice.value) selected[choice.value == value] { (choice.label) } }
                },
                Kind::List | Kind::Pairs => textarea id=(name) name=(name) rows="3" aria-describedby=[described.as_deref()] aria-invalid=[invalid] { (value) },
                Kind::File => input id=(name) name=(name) type="file" accept=".csv,text/csv" aria-describedby=[described.as_deref()] aria-invalid=[invalid];,
                Kind::Secret => input id=(name) name=(name) type="password" autocomplete="off" required[needs] aria-describedby=[described.as_deref()] aria-invalid=[invalid];,
                Kind::Text | Kind::Number => input id=(name) name=(name) value=(value) autocomplete="off" required[needs]
                    inputmode=[(*kind == Kind::Number).then_some("numeric")] aria-describedby=[described.as_deref()] aria-invalid=[invalid];,
                Kind::YesNo => {},
            }
        }
        @if let Some(problem) = problem { p class="problem" id={ (name) "-problem" } { (words(&problem.message)) } }
        @if has_hint {
            p class="hint" id={ (name) "-hint" } {
                (words(help))
                @if *kind == Kind::List { " One on each line." }
                @if *kind == Kind::Pairs { " " code { "key = value" } " on each line." }
                @if is_kept { " One was given; leave this empty to keep it." }
            }
        }
    }
}

/// Choices that say more of themselves than their name. The first has the field's id: what is wrong leads there.
fn cards(field: &Field, choices: &[Choice], value: &str, described: Option<&str>, invalid: Option<&str>) -> Markup {
    let Field { name, label, .. } = field;
    html! {
        fieldset class="cards" role="radiogroup" aria-describedby=[described] aria-invalid=[invalid] {
            legend { (label) }
            @for (place, choice) in choices.iter().enumerate() {
                @let id = if place == 0 { name.clone() } else { format!("{name}-{place}") };
                div class="card" {
                    label class="choice" {
                        input id=(id) type="radio" name=(name) value=(choice.value) checked[choice.value == value]
                            aria-describedby={ (id) "-about" };
                        span { (words(&choice.label)) }
                    }
                    div id={ (id) "-about" } { @for paragraph in &choice.about { p class="hint" { (words(paragraph)) } } }
                }
            }
        }
    }
}
