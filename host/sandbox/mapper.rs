//! Calls a mapper plugin.

use std::collections::BTreeSet;

use tokio::sync::{mpsc, oneshot};
use wasmtime::Store;

use super::{
    Sandbox,
    contract::v1::{mapper as world, params, types},
    diagnostic::{Call, Ending, Position, is_code},
    egress::Scrub,
    limits::Stop,
    load::Plugin,
    store::{Guest, LastCall, begin, limited, new_store},
};
use crate::item::{
    DirectoryLookup, Failure, NextMove, Question, Resolution, limits,
    mapping::{MappingRow, MappingSummary, RowProblem},
};

use world::exports::chancery::connector::mapper;

/// Row problems and rows that are taken at once.
const ROWS_MAX: usize = 1 << 20;
/// A sentence of a guest.
const SENTENCE_BYTES_MAX: usize = 4 << 10;

/// A question to the directory, on its way from the guest to whoever called the worker.
type Ask = (Vec<String>, oneshot::Sender<Result<Vec<Option<String>>, Failure>>);

/// A mapper's powers: to ask the directory, while `resolve` runs.
pub(super) struct MapperCall {
    directory: Option<mpsc::Sender<Ask>>,
}

impl MapperCall {
    pub(super) fn new() -> Self {
        Self { directory: None }
    }
}

impl world::chancery::connector::directory::Host for Guest<MapperCall> {
    async fn lookup(&mut self, addresses: Vec<String>) -> wasmtime::Result<Vec<Option<String>>> {
        let gone = || Stop::Misuse("it asked the directory outside of `resolve`");
        let directory = self.powers.directory.clone().ok_or_else(gone)?;
        self.meter.count_request()?;
        if addresses.len() > limits::DIRECTORY_ADDRESSES_MAX {
            return Err(
                Stop::Misuse("it asked the directory for more addresses at once than the contract allows").into()
            );
        }
        let asked = addresses.len();
        let answers = self
            .waiting(async move {
                let (reply, answered) = oneshot::channel();
                directory.send((addresses, reply)).await.map_err(|_| gone())?;
                answered.await.map_err(|_| gone())?.map_err(Stop::Host)
            })
            .await?;
        if answers.len() != asked {
            let why = format!("the directory gave {} answers to {asked} questions", answers.len());
            return Err(Stop::Host(Failure::new("directory-defect", NextMove::Stop, why)).into());
        }
        Ok(answers)
    }
}

/// One mapper with one mapping file. The instance is reused, and replaced (and the file loaded again) after an error,
/// or when it has become large or old.
pub struct MapperWorker {
    sandbox: Sandbox,
    plugin: Plugin,
    connector: Option<String>,
    settings: String,
    mapping: Vec<u8>,
    /// Mailboxes that the directory has confirmed; no other may be the answer to a question.
    confirmed: BTreeSet<String>,
    instance: Option<Instance>,
}

struct Instance {
    store: Store<Guest<MapperCall>>,
    bindings: world::MapperPlugin,
    batches: u32,
}

impl MapperWorker {
    /// A worker for `plugin` with its settings (a JSON object that passed the schema) and a mapping file's bytes
    /// (empty: none). Nothing of the guest runs yet.
    ///
    /// # Errors
    /// When the plugin is not a mapper.
    pub fn new(sandbox: &Sandbox, plugin: &Plugin, settings: String, mapping: Vec<u8>) -> Result<Self, Failure> {
        plugin.mapper_code()?;
        Ok(Self {
            sandbox: sandbox.clone(),
            plugin: plugin.clone(),
            connector: None,
            settings,
            mapping,
            confirmed: BTreeSet::new(),
            instance: None,
        })
    }

    /// Names the connector in diagnostics.
    #[must_use]
    pub fn for_connector(mut self, connector: &str) -> Self {
        self.connector = Some(connector.to_owned());
        self
    }

    /// What is seen of the last call beside its answer; none when its instance is gone.
    pub fn last_call(&self) -> Option<LastCall> {
        self.instance.as_ref().map(|instance| instance.store.data().last_call(&Scrub::default()))
    }

    /// Drops the instance; the next call makes a new one and loads the file again.
    pub fn replace_instance(&mut self) {
        self.instance = None;
    }

    /// Loads the mapping file in a new instance and says what it holds.
    ///
    /// # Errors
    /// What the mapper says, or how its call ended.
    pub async fn load(&mut self) -> Result<MappingSummary, Failure> {
        self.instance = None;
        let (instance, summary) = self.fresh().await?;
        self.instance = Some(instance);
        Ok(summary)
    }

    /// Usable rows in file order from `offset`, at most `max`.
    ///
    /// # Errors
    /// What the mapper says, or how its call ended.
    pub async fn rows(&mut self, offset: u32, max: u32) -> Result<Vec<MappingRow>, Failure> {
        let mut instance = self.ready().await?;
        let label = self.plugin.label();
        let call = self.call(&label, "rows", None);
        let limits = self.sandbox.limits();
        begin(&mut instance.store, limits);
        let guest = instance.bindings.chancery_connector_mapper();
        let outcome = limited(limits, guest.call_rows(&mut instance.store, offset, max)).await;
        let rows = outcome.map_err(|ending| instance.failed(&call, ending))?;
        let fits = |row: &mapper::Row| row.key.len().max(row.mailbox.len()) <= limits::NAME_BYTES_MAX;
        if rows.len() > max as usize || !rows.iter().all(fits) {
            return Err(
                instance.failed(&call, Ending::BadOutput("it returned too many rows, or one too long".to_owned()))
            );
        }
        self.instance = Some(instance);
        let take = |row: mapper::Row| MappingRow {
            line: row.line,
            key: row.key,
            mailbox: row.mailbox,
            valid_from_ms: row.valid_from,
            valid_to_ms: row.valid_to,
        };
        Ok(rows.into_iter().map(take).collect())
    }

    /// One answer a question, in order. Only mailboxes that `directory` gave to this worker are accepted.
    ///
    /// # Errors
    /// The directory's failure as it is; what the mapper says; how its call ended; which answer breaks the contract.
    pub async fn resolve(
        &mut self,
        questions: &[Question<'_>],
        directory: &dyn DirectoryLookup,
    ) -> Result<Vec<Resolution>, Failure> {
        let mut instance = self.ready().await?;
        let label = self.plugin.label();
        let call = Call {
            plugin: &label,
            function: "resolve",
            connector: self.connector.as_deref(),
            position: Some(Position::Batch(questions.len())),
        };
        let limits = self.sandbox.limits();
        begin(&mut instance.store, limits);
        let (ask, mut asked) = mpsc::channel::<Ask>(1);
        instance.store.data_mut().powers.directory = Some(ask);
        let outcome = {
            let confirmed = &mut self.confirmed;
            let guest = std::pin::pin!(instance.resolve(questions));
            limited(limits, with_directory(guest, &mut asked, directory, confirmed)).await
        };
        instance.store.data_mut().powers.directory = None;
        let answers = match outcome {
            Err(ending) => return Err(instance.failed(&call, ending)),
            Ok(Err(error)) => return Err(call.refusal(error, None, &Scrub::default())),
            Ok(Ok(answers)) => answers,
        };
        let taken = take(answers, questions.len(), &self.confirmed)
            .map_err(|violation| instance.failed(&call, Ending::BadOutput(violation)))?;
        instance.batches += 1;
        let small = instance.store.data().limiter.memory_bytes() <= limits.reuse_bytes_max;
        if small && instance.batches < limits.reuse_batches_max {
            self.instance = Some(instance);
        }
        Ok(taken)
    }

    fn call<'a>(
        &'a self,
        plugin: &'a super::diagnostic::Label,
        function: &'static str,
        position: Option<Position>,
    ) -> Call<'a> {
        Call { plugin, function, connector: self.connector.as_deref(), position }
    }

    /// The kept instance, or a new one with the file loaded.
    async fn ready(&mut self) -> Result<Instance, Failure> {
        match self.instance.take() {
            Some(instance) => Ok(instance),
            None => Ok(self.fresh().await?.0),
        }
    }

    // Exclusive, because a store is not `Sync`: a shared borrow over an await would make the future stay on one thread.
    async fn fresh(&mut self) -> Result<(Instance, MappingSummary), Failure> {
        let label = self.plugin.label();
        let call = self.call(&label, "load", None);
        let limits = self.sandbox.limits();
        let mut store = new_store(self.sandbox.engine(), limits, self.sandbox.pure, MapperCall::new());
        begin(&mut store, limits);
        let started = limited(limits, self.plugin.mapper_code()?.instantiate_async(&mut store)).await;
        let bindings = match started {
            Ok(bindings) => bindings,
            Err(ending) => {
                let data = store.data();
                return Err(call.failure(
                    ending.of_start(),
                    data.limiter.refused_bytes,
                    &data.log.text(),
                    &Scrub::default(),
                ));
            }
        };
        let mut instance = Instance { store, bindings, batches: 0 };
        begin(&mut instance.store, limits);
        let guest = instance.bindings.chancery_connector_mapper();
        let outcome = limited(limits, guest.call_load(&mut instance.store, &self.mapping, &self.settings)).await;
        let summary = outcome.map_err(|ending| instance.failed(&call, ending))?;
        let summary = summary.map_err(|error| call.refusal(error, None, &Scrub::default()))?;
        let fits = |problem: &mapper::RowProblem| is_code(&problem.code) && problem.message.len() <= SENTENCE_BYTES_MAX;
        if summary.problems.len() > ROWS_MAX || !summary.problems.iter().all(fits) {
            let why = "a row problem's `code` is not one, its `message` is too long, or there are too many";
            return Err(instance.failed(&call, Ending::BadOutput(why.to_owned())));
        }
        let take = |problem: mapper::RowProblem| RowProblem {
            line: problem.line,
            code: problem.code,
            message: problem.message,
        };
        let problems = summary.problems.into_iter().map(take).collect();
        let depends_on_time =
            !summary.extensions.iter().any(|(name, value)| name == "time-dependent" && value == "false");
        let (rows, mailboxes) = (summary.rows, summary.mailboxes);
        Ok((instance, MappingSummary { rows, mailboxes, problems, depends_on_time }))
    }
}

impl std::fmt::Debug for MapperWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MapperWorker").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

impl Instance {
    fn failed(&self, call: &Call<'_>, ending: Ending) -> Failure {
        let data = self.store.data();
        call.failure(ending, data.limiter.refused_bytes, &data.log.text(), &Scrub::default())
    }

    async fn resolve(
        &mut self,
        questions: &[Question<'_>],
    ) -> wasmtime::Result<Result<Vec<mapper::Resolution>, types::Error>> {
        let guest = self.bindings.chancery_connector_mapper();
        let function = *guest.func_resolve().func();
        let function = function
            .typed::<(Vec<params::Question<'_>>,), (Result<Vec<mapper::Resolution>, types::Error>,)>(&self.store)?;
        let questions =
            questions.iter().map(|question| params::Question { person: question.person.into(), at: question.at_ms });
        let (answers,) = function.call_async(&mut self.store, (questions.collect(),)).await?;
        Ok(answers)
    }
}

/// Runs a guest and answers what it asks of the directory meanwhile.
async fn with_directory<R>(
    mut guest: std::pin::Pin<&mut impl Future<Output = wasmtime::Result<R>>>,
    asked: &mut mpsc::Receiver<Ask>,
    directory: &dyn DirectoryLookup,
    confirmed: &mut BTreeSet<String>,
) -> wasmtime::Result<R> {
    loop {
        tokio::select! {
            outcome = &mut guest => return outcome,
            Some((addresses, reply)) = asked.recv() => {
                let answers = directory.lookup(&addresses).await;
                if let Ok(answers) = &answers {
                    confirmed.extend(answers.iter().flatten().cloned());
                }
                // The guest may be gone; then nobody waits for the answer.
                let _ = reply.send(answers);
            }
        }
    }
}

fn take(
    answers: Vec<mapper::Resolution>,
    questions: usize,
    confirmed: &BTreeSet<String>,
) -> Result<Vec<Resolution>, String> {
    if answers.len() != questions {
        return Err(format!("it gave {} answers to {questions} questions", answers.len()));
    }
    let take = |(number, answer): (usize, mapper::Resolution)| match answer {
        mapper::Resolution::Mailbox(address) if confirmed.contains(&address) => Ok(Resolution::Mailbox(address)),
        mapper::Resolution::Mailbox(_) => Err(format!("answer {number}: the directory never gave this mailbox")),
        mapper::Resolution::Outside => Ok(Resolution::Outside),
        mapper::Resolution::Broken(mapper::Broken { code, message }) => {
            if !is_code(&code) || message.len() > SENTENCE_BYTES_MAX {
                return Err(format!("answer {number}: its `code` is not one, or its `message` too long"));
            }
            Ok(Resolution::Broken { code, message })
        }
    };
    answers.into_iter().enumerate().map(take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_and_mailboxes_must_be_confirmed() {
        let confirmed = BTreeSet::from(["anna@example.com".to_owned()]);
        let mailbox = |address: &str| mapper::Resolution::Mailbox(address.to_owned());
        let broken =
            |code: &str| mapper::Resolution::Broken(mapper::Broken { code: code.to_owned(), message: String::new() });
        let table = [
            (vec![mailbox("anna@example.com"), mapper::Resolution::Outside], Ok(2)),
            (vec![mapper::Resolution::Outside, broken("unmapped")], Ok(2)),
            (vec![mapper::Resolution::Outside], Err("it gave 1 answers to 2 questions")),
            (vec![mapper::Resolution::Outside, mailbox("Anna@example.com")], Err("answer 1: the directory never gave")),
            (vec![broken("Not A Code"), mapper::Resolution::Outside], Err("answer 0: its `code`")),
        ];
        for (answers, expect) in table {
            match (take(answers, 2, &confirmed), expect) {
                (Ok(taken), Ok(count)) => assert_eq!(taken.len(), count),
                (Err(why), Err(start)) => assert!(why.starts_with(start), "{why}"),
                (found, expect) => panic!("{found:?}, not {expect:?}"),
            }
        }
    }
}
