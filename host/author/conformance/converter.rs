//! A converter tried: the same bytes whatever it wrote before, however a run is cut and ordered, and at whatever time; and mail in
//! which a reader who is not ours finds everything again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use mail_parser::{Message, MessageParser, MimeHeaders as _};

use super::{Finding, Trial, failed, golden, memory::Memory, samples, watch::Watch, with_defaults};
use crate::{
    item::{
        AttachmentState, Batch, BatchItem, Content, Failure, Item, NextMove, Page, Party, PluginKind,
        descriptor::Grouping, time::DAY_MS,
    },
    sandbox::{ConverterWorker, Plugin, Sandbox},
};

/// What became of the sample items: by a message's first item, its bytes, or why there is none.
type Outcome = BTreeMap<usize, Result<Vec<u8>, String>>;

/// Which of an item's files go in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Files {
    AsTheyAre,
    Withheld,
}

/// The samples under some settings.
struct Samples<'a> {
    plugin: &'a Plugin,
    page: &'a Page,
    memory: &'a Memory,
    settings: &'a str,
    groups: &'a [Vec<usize>],
    watch: Watch,
}

pub(super) async fn test(sandbox: &Sandbox, plugin: &Plugin, trial: Trial<'_>) -> Result<Vec<Finding>, Failure> {
    let memory = Memory::default();
    let page = samples::page(&memory)
        .map_err(|error| Failure::new("host-panic", NextMove::Stop, format!("the samples cannot be made: {error}")))?;
    let groups = groups(plugin, &page);
    let folders = trial.cases.map(golden::cases).transpose()?.unwrap_or_default();
    let mut cases: Vec<(Option<PathBuf>, String)> = vec![(None, trial.settings.to_owned())];
    for folder in folders {
        let settings = golden::settings(&folder, &trial)?;
        cases.push((Some(folder), settings));
    }
    let mut findings = Vec::new();
    for (folder, settings) in cases {
        let settings = match with_defaults(plugin, &settings) {
            Ok(settings) => settings,
            // The cases may have the settings that are missing here.
            Err(_) if folder.is_none() && trial.cases.is_some() => continue,
            Err(bad) => {
                findings.push(bad);
                continue;
            }
        };
        let samples = Samples {
            plugin,
            page: &page,
            memory: &memory,
            settings: &settings,
            groups: &groups,
            watch: Watch::default(),
        };
        match samples.tried(sandbox).await {
            Ok((of_case, outcome)) => {
                findings.extend(of_case);
                if let Some(folder) = &folder {
                    for (item, message) in
                        outcome.iter().filter_map(|(item, result)| Some((item, result.as_ref().ok()?)))
                    {
                        let name = format!("expected/{}.eml", page.items[*item].id);
                        findings.extend(golden::compare(folder, &name, message, trial.update)?);
                    }
                }
            }
            Err(bad) => findings.push(bad),
        }
    }
    Ok(findings)
}

/// The items that belong into one message, each group in time order.
fn groups(plugin: &Plugin, page: &Page) -> Vec<Vec<usize>> {
    if plugin.descriptor.kind != PluginKind::Converter(Grouping::ConversationDay) {
        return (0..page.items.len()).map(|item| vec![item]).collect();
    }
    let mut groups: BTreeMap<(u32, i64), Vec<usize>> = BTreeMap::new();
    for (number, item) in page.items.iter().enumerate() {
        groups.entry((item.conversation, item.sent_at_ms.div_euclid(DAY_MS))).or_default().push(number);
    }
    groups.into_values().collect()
}

impl Samples<'_> {
    async fn tried(&self, sandbox: &Sandbox) -> Result<(Vec<Finding>, Outcome), Finding> {
        let mut findings = Vec::new();
        let all = [self.groups.iter().flatten().copied().collect::<Vec<usize>>()];
        let mut used = self.worker(sandbox)?;
        let expected = self.convert(&mut used, &all, Files::AsTheyAre).await?;
        findings.push(self.written(&expected));
        let mut held = |about, came_out: &Outcome, what: &str, hint: &str| {
            let differing: Vec<&str> = expected
                .iter()
                .filter(|(item, result)| came_out.get(item) != Some(result))
                .map(|(item, _)| self.page.items[*item].id.as_str())
                .collect();
            findings.push(if differing.is_empty() && came_out.len() == expected.len() {
                Finding::good(about, format!("the same bytes {what}"))
            } else {
                Finding::bad(about, format!("other bytes {what}: {}", some(&differing)), hint)
            });
        };
        let state =
            "a message may depend on its own items, the account and the settings alone: keep nothing between calls";
        let again = self.convert(&mut used, &all, Files::AsTheyAre).await?;
        held("used-instance", &again, "from an instance that wrote them before", state);
        let fresh = self.convert(&mut self.worker(sandbox)?, &all, Files::AsTheyAre).await?;
        held("fresh-instance", &fresh, "from a fresh instance", state);
        let split = self.convert(&mut used, self.groups, Files::AsTheyAre).await?;
        held("split", &split, "when each message is asked for alone", "do not look at the other items of a batch");
        let reversed: Vec<usize> = self.groups.iter().rev().flatten().copied().collect();
        let permuted = self.convert(&mut self.worker(sandbox)?, &[reversed], Files::AsTheyAre).await?;
        held("other-order", &permuted, "in another order", "do not look at the other items of a batch, nor at indices");
        let elsewhere = self.convert(&mut self.worker(&sandbox.elsewhere())?, &all, Files::AsTheyAre).await?;
        held(
            "other-time",
            &elsewhere,
            "at another time, with other randomness",
            "take times from the items, and make ids and boundaries by hashing them",
        );
        findings.extend(self.read_back(&expected));
        findings.push(self.withheld(&mut used, &expected).await?);
        findings.push(self.watch.cost());
        findings.push(self.watch.discretion(samples::private(self.page)));
        Ok((findings, expected))
    }

    fn worker(&self, sandbox: &Sandbox) -> Result<ConverterWorker, Finding> {
        ConverterWorker::new(sandbox, self.plugin).map_err(|failure| failed("convert", &failure))
    }

    /// Converts batch by batch.
    async fn convert(
        &self,
        worker: &mut ConverterWorker,
        batches: &[Vec<usize>],
        files: Files,
    ) -> Result<Outcome, Finding> {
        let mut outcome = Outcome::new();
        for indices in batches {
            let call = self.watch.call();
            let answers = worker.convert(&self.batch(indices, files), Arc::new(self.memory.clone())).await;
            call.ended_with(worker.last_call(), &answers);
            for answer in answers.map_err(|failure| failed("convert", &failure))? {
                let first = answer.items.iter().filter_map(|item| indices.get(*item as usize)).min();
                let result = answer.result.map_err(|failure| {
                    self.watch.told(&failure.message);
                    format!("{} ({})", failure.message, failure.code)
                });
                let bytes = result.and_then(|message| {
                    let mut bytes = Vec::new();
                    message.write_to(&mut bytes, self.memory).map_err(|error| error.to_string())?;
                    Ok(bytes)
                });
                outcome.extend(first.map(|first| (*first, bytes)));
            }
        }
        Ok(outcome)
    }

    /// A batch with tables of its own: indices are never those of another one.
    fn batch(&self, indices: &[usize], files: Files) -> Batch<'_> {
        let (mut people, mut conversations): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        let mut items = Vec::with_capacity(indices.len());
        for item in indices.iter().map(|index| &self.page.items[*index]) {
            items.push(BatchItem {
                item,
                conversation: place(&mut conversations, item.conversation),
                sender: item.sender.map(|sender| place(&mut people, sender)),
                participants: item.participants.iter().map(|person| place(&mut people, *person)).collect(),
                attachments: states(item, files),
            });
        }
        let party = |person: &u32| Party {
            person: &self.page.people[*person as usize],
            mailbox: samples::MAILBOXES[*person as usize],
        };
        Batch {
            source: "samples",
            account: "account-1",
            settings: self.settings,
            people: people.iter().map(party).collect(),
            conversations: conversations.iter().map(|of| &self.page.conversations[*of as usize]).collect(),
            items,
        }
    }

    fn written(&self, outcome: &Outcome) -> Finding {
        let failures: Vec<String> = outcome
            .iter()
            .filter_map(|(item, result)| Some(format!("{}: {}", self.page.items[*item].id, result.as_ref().err()?)))
            .collect();
        if failures.is_empty() {
            let items = self.page.items.len();
            return Finding::good("convert", format!("{items} items of every kind became {} messages", outcome.len()));
        }
        let failures: Vec<&str> = failures.iter().map(String::as_str).collect();
        Finding::bad(
            "convert",
            format!("there is no message for {}", some(&failures)),
            "write something for every item: what is not written is parked, and somebody has to look at it",
        )
    }

    /// Looks for everything in the mails, with a reader that the converter was not made for.
    fn read_back(&self, outcome: &Outcome) -> Vec<Finding> {
        let mut lost: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for (group, bytes) in
            self.groups.iter().filter_map(|group| Some((group, outcome.get(group.first()?)?.as_ref().ok()?)))
        {
            let first = &self.page.items[group[0]];
            let mut lack = |what, id: &str| lost.entry(what).or_default().push(id.to_owned());
            let Some(mail) = MessageParser::default().parse(bytes) else {
                lack("reads-back", &first.id);
                continue;
            };
            if !mail.message_id().is_some_and(|id| ids.insert(id.to_owned())) {
                lack("message-id", &first.id);
            }
            let dates = group.iter().map(|item| self.page.items[*item].sent_at_ms.div_euclid(1_000));
            if !mail.date().is_some_and(|date| dates.clone().any(|second| second == date.to_timestamp())) {
                lack("date", &first.id);
            }
            let text = plain(&everything(&mail));
            for item in group.iter().map(|item| &self.page.items[*item]) {
                if item.text.as_ref().is_some_and(|said| !text.contains(&plain(said))) {
                    lack("text", &item.id);
                }
                for attachment in &item.attachments {
                    let name = attachment.name.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
                    if !matches!(attachment.content, Content::Present(_)) && !text.contains(name) {
                        lack("notices", &item.id);
                    }
                }
            }
            let present = group.iter().flat_map(|item| &self.page.items[*item].attachments);
            let present = present.filter(|attachment| matches!(attachment.content, Content::Present(_))).count();
            // Texts in several languages of markup are no files.
            if mail.attachments().filter(|part| part.attachment_name().is_some() || !part.is_text()).count() < present {
                lack("files", &first.id);
            }
        }
        let mut found = |about, good: &str, bad: &str, hint: &str| match lost.remove(about) {
            None => Finding::good(about, good),
            Some(items) => {
                let items: Vec<&str> = items.iter().map(String::as_str).collect();
                Finding::bad(about, format!("{bad}: {}", some(&items)), hint)
            }
        };
        vec![
            found(
                "reads-back",
                "another reader takes each apart",
                "another reader cannot take apart",
                "use a library that writes MIME",
            ),
            found(
                "message-id",
                "each has an id of its own",
                "no Message-ID, or one twice",
                "hash source, account, item id, event and revision",
            ),
            found(
                "date",
                "each is dated as its item",
                "`Date` is not the item's time",
                "write `sent-at`, whatever zone it is shown in",
            ),
            found(
                "text",
                "each text is found again",
                "the text is not found again",
                "encode the text as UTF-8; wrap nothing that is not yours",
            ),
            found(
                "notices",
                "what is not there is said",
                "a file that is not there is not mentioned",
                "say in the text which file is missing, and why",
            ),
            found(
                "files",
                "each file is there",
                "files are missing",
                "a part with `Content-Disposition: attachment` for each, also without a name",
            ),
        ]
    }

    /// A file over a limit must be seen to be left out.
    async fn withheld(&self, used: &mut ConverterWorker, expected: &Outcome) -> Result<Finding, Finding> {
        let group = self.groups.iter().find(|group| group.contains(&0)).cloned().unwrap_or_default();
        let first = group.first().copied().unwrap_or_default();
        let came_out = self.convert(used, &[group], Files::Withheld).await?;
        let text = |outcome: &Outcome| {
            let bytes = outcome.get(&first)?.as_ref().ok()?;
            Some(plain(&everything(&MessageParser::default().parse(bytes)?)))
        };
        let said = text(&came_out).is_some_and(|with| with.contains("plan.pdf") && Some(with) != text(expected));
        Ok(if said {
            Finding::good("withheld", "a file over a limit is said to be left out")
        } else {
            let hint = "show a line for each `withheld` file: its name, its size and the limit";
            Finding::bad("withheld", "a file over a limit is left out without a word", hint)
        })
    }
}

/// The place of a value in a table that grows.
fn place(table: &mut Vec<u32>, value: u32) -> u32 {
    let known = table.iter().position(|known| *known == value);
    let place = known.unwrap_or_else(|| {
        table.push(value);
        table.len() - 1
    });
    place as u32
}

fn states(item: &Item, files: Files) -> Vec<AttachmentState<'_>> {
    let state = |content| match content {
        &Content::Present(_) if files == Files::Withheld => {
            AttachmentState::Withheld { reason: "too-large", limit_bytes: Some(1_000) }
        }
        Content::Present(_) => AttachmentState::Present,
        Content::Withheld { reason, limit_bytes } => AttachmentState::Withheld { reason, limit_bytes: *limit_bytes },
        Content::Missing(reason) => AttachmentState::Missing(reason),
    };
    item.attachments.iter().map(|attachment| state(&attachment.content)).collect()
}

/// The subject and all texts of a mail.
fn everything(mail: &Message<'_>) -> String {
    let bodies = (0..mail.text_body_count()).filter_map(|place| mail.body_text(place));
    bodies.fold(mail.subject().unwrap_or_default().to_owned(), |all, body| all + "\n" + &body)
}

/// However lines are wrapped.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Some of many.
fn some(names: &[&str]) -> String {
    /// Names shown.
    const SHOWN_MAX: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN_MAX).copied().collect();
    let more = names.len().saturating_sub(SHOWN_MAX);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
