//! What is wrong with a mapping file, line by line.

use kit::mapper::RowProblem;

/// Problems listed one by one; the rest are counted. A person mends a file from the top.
pub(crate) const PROBLEMS_MAX: usize = 1_000;

/// Problems as they are found, the first [`PROBLEMS_MAX`] kept and all counted.
///
/// Whoever pushes does so in ascending line order, so that what is kept is what stands first in the file.
#[derive(Default)]
pub(crate) struct Problems {
    kept: Vec<RowProblem>,
    count: usize,
}

impl Problems {
    /// Notes a problem on this line (0: the whole file).
    pub(crate) fn push(&mut self, line: u32, code: &str, message: impl Into<String>) {
        self.count += 1;
        if self.kept.len() < PROBLEMS_MAX {
            self.kept.push(RowProblem { line, code: code.to_owned(), message: message.into() });
        }
    }

    /// How many there were.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Both lists as one, by line; a last entry for the whole file says how many are not listed.
    pub(crate) fn merge(mut self, other: Self) -> Vec<RowProblem> {
        let count = self.count + other.count;
        self.kept.extend(other.kept);
        self.kept.sort_by_key(|problem| problem.line);
        self.kept.truncate(PROBLEMS_MAX);
        let hidden = count - self.kept.len();
        if hidden > 0 {
            let message = format!("{hidden} further problems are not listed; mend the ones above and check again");
            self.kept.push(RowProblem { line: 0, code: "more-problems".to_owned(), message });
        }
        self.kept
    }
}
