//! `users`, native.

use anyhow::{Result, ensure};
use chancery::{
    item::{Failure, NextMove, Question, Resolution, mapping::DirectoryLookup},
    pipeline::Mapper,
};
use futures::future::{BoxFuture, FutureExt as _};
use kit::mapper::{self, Mapper as _};

use super::words;

/// The `users` mapper with a mapping file, linked.
pub(crate) struct Users(users::Users);

impl Users {
    /// Loads a mapping file.
    ///
    /// # Errors
    /// When it has problems.
    pub(crate) fn load(settings: &str, mapping: &[u8]) -> Result<Self> {
        let (users, summary) =
            users::Users::load(mapping, settings).map_err(|error| anyhow::anyhow!("{}", error.message))?;
        ensure!(summary.problems.is_empty(), "the mapping has problems: {:?}", summary.problems);
        Ok(Self(users))
    }
}

impl Mapper for Users {
    fn depends_on_time(&self) -> bool {
        false // No row of the benchmarks' mappings has a validity.
    }

    fn resolve<'a>(
        &'a mut self,
        questions: &'a [Question<'a>],
        directory: &'a dyn DirectoryLookup,
    ) -> BoxFuture<'a, Result<Vec<Resolution>, Failure>> {
        Box::pin(async move {
            let questions = questions
                .iter()
                .map(|question| mapper::Question { person: words::person(question.person), at: question.at_ms })
                .collect();
            let mut directory = Bridge { directory, failure: None };
            let answers = self.0.resolve(&mut directory, questions);
            if let Some(failure) = directory.failure {
                return Err(failure);
            }
            let answers = answers.map_err(|error| Failure::new(error.code, NextMove::Stop, error.message))?;
            Ok(answers.into_iter().map(resolution).collect())
        })
    }
}

/// The directory as a linked mapper asks it.
struct Bridge<'a> {
    directory: &'a dyn DirectoryLookup,
    failure: Option<Failure>,
}

impl mapper::Directory for Bridge<'_> {
    fn lookup(&mut self, addresses: &[String]) -> Vec<Option<String>> {
        // A Maildir answers at once; another destination would need an async mapper here.
        let answer = self.directory.lookup(addresses).now_or_never().unwrap_or_else(|| {
            Err(Failure::new("directory-waits", NextMove::Stop, "the directory did not answer at once"))
        });
        answer.unwrap_or_else(|failure| {
            self.failure = Some(failure);
            vec![None; addresses.len()]
        })
    }
}

fn resolution(resolution: mapper::Resolution) -> Resolution {
    match resolution {
        mapper::Resolution::Mailbox(address) => Resolution::Mailbox(address),
        mapper::Resolution::Outside => Resolution::Outside,
        mapper::Resolution::Broken(mapper::Broken { code, message }) => Resolution::Broken { code, message },
    }
}
