//! A mapper tried: the same answers whatever it was asked before, in whatever order, and at whatever time.

use std::collections::BTreeSet;

use futures::future::BoxFuture;

use super::{Finding, Trial, failed, golden, memory::Memory, samples, watch::Watch, with_defaults};
use crate::{
    item::{DirectoryLookup, Failure, Person, Question, Resolution, TimestampMs, mapping::MappingSummary},
    sandbox::{MapperWorker, Plugin, Sandbox},
};

/// Rows asked for at once.
const ROWS_MAX: u32 = 1_000;

/// A directory that knows every address of a domain.
struct Domain;

impl DirectoryLookup for Domain {
    fn lookup<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure>> {
        let known = |address: &String| {
            let address = address.to_lowercase();
            address.ends_with("@example.com").then_some(address)
        };
        Box::pin(async move { Ok(addresses.iter().map(known).collect()) })
    }
}

/// A mapping file with its settings.
struct Case {
    name: String,
    settings: String,
    mapping: Vec<u8>,
}

pub(super) async fn test(sandbox: &Sandbox, plugin: &Plugin, trial: Trial<'_>) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    match with_defaults(plugin, trial.settings) {
        Ok(settings) => {
            let case = Case { name: "no mapping file".to_owned(), settings, mapping: Vec::new() };
            findings.extend(
                tried(sandbox, plugin, &case).await.map(|(findings, _)| findings).unwrap_or_else(|bad| vec![bad]),
            );
        }
        Err(bad) if trial.cases.is_none() => return Ok(vec![bad]),
        // The cases have settings of their own.
        Err(_) => {}
    }
    for folder in trial.cases.map(golden::cases).transpose()?.unwrap_or_default() {
        let settings = match with_defaults(plugin, &golden::settings(&folder, &trial)?) {
            Ok(settings) => settings,
            Err(bad) => {
                findings.push(bad);
                continue;
            }
        };
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mapping = golden::file(&folder, "mapping.csv")?.unwrap_or_default();
        match tried(sandbox, plugin, &Case { name, settings, mapping }).await {
            Ok((of_case, came_out)) => {
                findings.extend(of_case);
                findings.extend(golden::compare(&folder, "expected.txt", came_out.as_bytes(), trial.update)?);
            }
            Err(bad) => findings.push(bad),
        }
    }
    Ok(findings)
}

/// Tries one mapping file; what came out, for people.
async fn tried(sandbox: &Sandbox, plugin: &Plugin, case: &Case) -> Result<(Vec<Finding>, String), Finding> {
    let of = &case.name;
    let worker = |sandbox: &Sandbox| {
        let worker = MapperWorker::new(sandbox, plugin, case.settings.clone(), case.mapping.clone());
        worker.map_err(|failure| failed("load", &failure))
    };
    let mut used = worker(sandbox)?;
    let summary = used.load().await.map_err(|failure| failed("load", &failure))?;
    let rows = rows(&mut used, &summary).await?;
    let mut findings =
        vec![Finding::good("load", format!("{of}: {} rows, {} problems", summary.rows, summary.problems.len()))];

    let keys = rows.iter().map(|(key, _)| Person { id: key.clone(), phone: Some(key.clone()), ..Person::default() });
    let sampled = samples::page(&Memory::default()).map(|page| page.people).unwrap_or_default();
    let people: Vec<Person> = keys.chain(sampled).collect();
    // Long ago, at a change of clocks, and long from now.
    let times: [TimestampMs; 3] = [0, 1_774_746_000_000, 4_102_444_800_000];
    let questions: Vec<Question<'_>> =
        people.iter().flat_map(|person| times.map(|at_ms| Question { person, at_ms })).collect();
    let watch = Watch::default();
    let ask = async |worker: &mut MapperWorker, questions: &[Question<'_>]| {
        let call = watch.call();
        let answers = worker.resolve(questions, &Domain).await;
        call.ended_with(worker.last_call(), &answers);
        answers.map_err(|failure| failed("resolve", &failure))
    };
    let expected = ask(&mut used, &questions).await?;
    let mut held = |about, ok: bool, what: &str, hint: &str| {
        findings.push(if ok {
            Finding::good(about, format!("{of}: the same answers {what}"))
        } else {
            Finding::bad(about, format!("{of}: other answers {what}"), hint)
        });
    };
    let state = "an answer may depend on the file, the settings, the question and the directory alone";
    held(
        "used-instance",
        ask(&mut used, &questions).await? == expected,
        "from an instance that was asked before",
        state,
    );
    held("fresh-instance", ask(&mut worker(sandbox)?, &questions).await? == expected, "from a fresh instance", state);
    let mut alone = Vec::with_capacity(questions.len());
    for question in &questions {
        alone.extend(ask(&mut used, std::slice::from_ref(question)).await?);
    }
    held("one-by-one", alone == expected, "when each is asked alone", "do not look at the other questions of a call");
    let backwards: Vec<Question<'_>> = questions.iter().rev().copied().collect();
    let mut answers = ask(&mut worker(sandbox)?, &backwards).await?;
    answers.reverse();
    held("other-order", answers == expected, "in another order", "do not look at the other questions of a call");
    let elsewhere = ask(&mut worker(&sandbox.elsewhere())?, &questions).await?;
    held(
        "other-time",
        elsewhere == expected,
        "at another time, with other randomness",
        "take the time from the question",
    );
    if !summary.depends_on_time {
        let same = expected.chunks(times.len()).all(|of_person| of_person.iter().all(|answer| *answer == of_person[0]));
        held(
            "time-dependent",
            same,
            "whatever the question's time, as `time-dependent = false` says",
            "leave that extension out",
        );
    }
    findings.push(watch.cost());
    findings.push(watch.discretion(people.iter().flat_map(samples::private_of_person)));
    Ok((findings, shown(&summary, &rows, &people, &expected, times.len())))
}

async fn rows(worker: &mut MapperWorker, summary: &MappingSummary) -> Result<Vec<(String, String)>, Finding> {
    let mut rows = Vec::new();
    loop {
        let more = worker.rows(rows.len() as u32, ROWS_MAX).await.map_err(|failure| failed("rows", &failure))?;
        if more.is_empty() {
            break;
        }
        rows.extend(more.into_iter().map(|row| (row.key, row.mailbox)));
    }
    if rows.len() != summary.rows as usize {
        let text = format!("`load` says {} rows, `rows` has {}", summary.rows, rows.len());
        return Err(Finding::bad("rows", text, "count what `rows` gives"));
    }
    let mailboxes: BTreeSet<&String> = rows.iter().map(|(_, mailbox)| mailbox).collect();
    if mailboxes.len() != summary.mailboxes as usize {
        let text = format!("`load` says {} mailboxes, the rows name {}", summary.mailboxes, mailboxes.len());
        return Err(Finding::bad("rows", text, "count each mailbox once"));
    }
    Ok(rows)
}

fn shown(
    summary: &MappingSummary,
    rows: &[(String, String)],
    people: &[Person],
    answers: &[Resolution],
    times: usize,
) -> String {
    let mut text = String::new();
    for problem in &summary.problems {
        text += &format!("line {}: {} ({})\n", problem.line, problem.message, problem.code);
    }
    for (key, mailbox) in rows {
        text += &format!("row {key} -> {mailbox}\n");
    }
    for (person, answers) in people.iter().zip(answers.chunks(times)) {
        let answers: Vec<String> = answers
            .iter()
            .map(|answer| match answer {
                Resolution::Mailbox(address) => address.clone(),
                Resolution::Outside => "outside".to_owned(),
                Resolution::Broken { code, .. } => code.clone(),
            })
            .collect();
        text += &format!("{:?} -> {}\n", person.id, answers.join(", "));
    }
    text
}
