//! `chancery connector add`: the questions of the console's wizard, in a terminal.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    process::ExitCode,
};

use bytes::Bytes;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::{
    context::Context,
    error::{self, CliError},
    secret,
};
use crate::{
    item::Failure,
    scheduler::{self, Checked, Host},
    setup::{self, Answers, Catalogue, Draft, Field, Finished, Kind, Problem, Step},
};

/// What is asked, on lines.
struct Terminal {
    input: io::StdinLock<'static>,
    is_terminal: bool,
}

/// The input ended before the last question.
struct Ended;

pub(super) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let catalogue = Catalogue::read(&host).await?;
    let stdin = io::stdin();
    let is_terminal = stdin.is_terminal();
    let mut terminal = Terminal { input: stdin.lock(), is_terminal };
    println!("A connector is put together in nine steps; nothing is written before the last. Ctrl-C ends at any time.");
    let added = ask(&host, &catalogue, &mut terminal, &context.actor()).await;
    let exit = match added {
        Ok(exit) => exit,
        Err(Either::Ended(Ended)) => {
            return Err(CliError::usage("the input ended before the last step; nothing was written")
                .hint("start again with `chancery connector add`, or give a whole file: `--from FILE`"));
        }
        Err(Either::Failed(failure)) => return Err(failure.into()),
    };
    host.state.close()?;
    Ok(exit)
}

enum Either {
    Ended(Ended),
    Failed(Failure),
}

impl From<Ended> for Either {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl From<Failure> for Either {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

async fn ask(host: &Host, catalogue: &Catalogue, terminal: &mut Terminal, actor: &str) -> Result<ExitCode, Either> {
    let mut draft = Draft::default();
    let mut step = Step::Source;
    loop {
        println!("\n{}", step.title());
        if step == Step::Review {
            println!("\n{}", draft.text(catalogue, host)?);
            if terminal.yes("Write this file, and add the connector")? {
                return Ok(finished(&setup::finish(host, &draft, catalogue, actor).await?));
            }
            println!("nothing was written");
            return Ok(error::FAILED.into());
        }
        if let Err(problems) = terminal.step(&mut draft, step, catalogue)? {
            problems.iter().for_each(|Problem { field, message }| println!("  ! {field} {message}"));
            continue;
        }
        if step == Step::Settings && draft.awaits_sign_in() {
            let redirect = secret::REDIRECT.parse().map_err(|_| Ended)?;
            let tried = setup::as_if(host, &draft, catalogue)?;
            let sign_in = scheduler::person_sign_in(&tried.config, &draft.name().unwrap_or_default(), redirect)?;
            let asked = |prompt: &str| terminal.line(prompt).map_err(|Ended| io::ErrorKind::UnexpectedEof.into());
            match secret::by_hand(host, &sign_in, asked).await {
                Ok(token) => draft.signed_in(token),
                Err(failure) => {
                    println!("  BAD  {} ({})", failure.message, failure.code);
                    continue;
                }
            }
        }
        let is_good = match step {
            Step::Settings | Step::DestinationSettings => told(&setup::check(host, &draft, catalogue).await),
            Step::Mapping => mapping(host, &draft).await?,
            _ => true,
        };
        if is_good || terminal.yes("Go on all the same")? {
            step = draft.next_after(step);
        } else if step == Step::DestinationSettings {
            draft.drop_destinations();
            step = Step::Destination;
        }
    }
}

/// What a check found, and whether a turn would work.
fn told(checked: &Result<Checked, Failure>) -> bool {
    match checked {
        Ok(checked) => {
            println!("  ok: the source answers as `{}`", checked.account);
            checked.findings.iter().for_each(|finding| println!("  {finding}"));
            let findings: Vec<_> = checked
                .destinations
                .iter()
                .flat_map(|(name, found)| found.iter().map(move |one| (name, one)))
                .collect();
            for (name, finding) in &findings {
                println!("  {}  {name}: {}", if finding.is_good { "ok " } else { "BAD" }, finding.text);
            }
            findings.iter().all(|(_, finding)| finding.is_good)
        }
        Err(failure) => {
            println!("  BAD  {} ({})", failure.message, failure.code);
            failure.hint.iter().for_each(|hint| println!("     hint: {hint}"));
            false
        }
    }
}

async fn mapping(host: &Host, draft: &Draft) -> Result<bool, Failure> {
    let Some(check) = setup::check_mapping(host, draft).await? else { return Ok(true) };
    let summary = check.summary;
    println!("  {} rows for {} mailboxes, {} problems", summary.rows, summary.mailboxes, summary.problems.len());
    summary
        .problems
        .iter()
        .for_each(|problem| println!("  line {}: {} ({})", problem.line, problem.message, problem.code));
    Ok(summary.problems.is_empty())
}

fn finished(finished: &Finished) -> ExitCode {
    match finished {
        Finished::Added { name, file } => {
            println!("added `{name}` as {}", file.display());
            println!("next: `chancery sync {name}`");
            error::DONE.into()
        }
        Finished::Copy { file, text, secrets, why } => {
            println!("`{}` cannot be written ({why}); put this there:\n\n{text}", file.display());
            secrets.iter().for_each(|secret| println!("and set its secret: `chancery secret set {secret}`"));
            error::FAILED.into()
        }
    }
}

impl Terminal {
    /// Asks everything of a step; what is wrong with the answers.
    fn step(
        &mut self,
        draft: &mut Draft,
        step: Step,
        catalogue: &Catalogue,
    ) -> Result<Result<(), Vec<Problem>>, Ended> {
        let form = draft.form(step, catalogue);
        form.words.iter().for_each(|paragraph| println!("  {paragraph}"));
        let (mut answers, mut file): (Answers, Option<Bytes>) = (BTreeMap::new(), None);
        for field in &form.fields {
            let text = self.field(field, &draft.shown(step, field))?;
            if field.kind == Kind::File && !text.is_empty() {
                match fs::read(&text) {
                    Ok(bytes) => file = Some(bytes.into()),
                    Err(error) => return Ok(Err(vec![Problem::of(&field.name, &format!("`{text}`: {error}"))])),
                }
            } else {
                answers.insert(field.name.clone(), text);
            }
        }
        Ok(draft.take(step, &answers, file, catalogue))
    }

    fn field(&mut self, field: &Field, before: &str) -> Result<String, Ended> {
        if !field.help.is_empty() {
            println!("  ({})", field.help);
        }
        if let Kind::Choice(choices) = &field.kind {
            for (number, choice) in (1_usize..).zip(choices) {
                println!("    {number}  {}", choice.label);
                choice.about.iter().for_each(|paragraph| println!("       {paragraph}"));
            }
        }
        let kind = match field.kind {
            Kind::YesNo => " (yes/no)",
            Kind::List => " (separated by commas)",
            Kind::Pairs => " (key = value, separated by commas)",
            Kind::File => " (a file's path)",
            _ => "",
        };
        let default = if before.is_empty() { String::new() } else { format!(" [{}]", before.replace('\n', ", ")) };
        let prompt = format!("  {}{kind}{default}: ", field.label);
        let said = if field.kind == Kind::Secret { self.secret(&prompt)? } else { self.line(&prompt)? };
        let said = if said.is_empty() { before.to_owned() } else { said };
        Ok(match &field.kind {
            Kind::Choice(choices) => {
                let number = said.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
                number.map_or(said, |choice| choice.value.clone())
            }
            Kind::YesNo if said == "y" => "yes".to_owned(),
            Kind::YesNo if said == "n" => "no".to_owned(),
            _ => said,
        })
    }

    fn yes(&mut self, question: &str) -> Result<bool, Ended> {
        Ok(matches!(&*self.line(&format!("  {question}? (yes/no): "))?, "yes" | "y"))
    }

    fn line(&mut self, prompt: &str) -> Result<String, Ended> {
        print!("{prompt}");
        let _shown = io::stdout().flush();
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(0) | Err(_) => Err(Ended),
            Ok(_) => {
                if !self.is_terminal {
                    println!();
                }
                Ok(line.trim().to_owned())
            }
        }
    }

    /// A line that is not shown while it is typed.
    fn secret(&mut self, prompt: &str) -> Result<String, Ended> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).ok().filter(|_| self.is_terminal);
        if let Some(before) = &before {
            let mut hidden = before.clone();
            hidden.local_modes.remove(LocalModes::ECHO);
            let _hidden = tcsetattr(&stdin, OptionalActions::Flush, &hidden);
        }
        let line = self.line(prompt);
        if let Some(before) = before {
            let _shown = tcsetattr(&stdin, OptionalActions::Flush, &before);
            println!();
        }
        line
    }
}
