//! What a forger without keys can do: records and commits written anew, with every checksum and the chain right.

use super::{
    FILE_HEADER_BYTES, first_chain,
    record::{COMMIT_KIND, Commit, frame, push_commit},
};

/// The records of a first segment with these groups of bodies, the commit last in each. Group numbers, times and lengths
/// of the sidecar stay those of the commits.
pub(in crate::state) fn chained(connector: &str, groups: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut chain = first_chain(connector);
    let mut all = Vec::new();
    for group in groups {
        let mut records = Vec::new();
        let mut commit = Commit { group: 0, facts: 0, at_ms: 0, private: FILE_HEADER_BYTES, chain };
        for body in group {
            if body[0] == COMMIT_KIND {
                commit = Commit::parse(body).unwrap_or(commit);
            } else {
                frame(&mut records, body);
            }
        }
        chain = push_commit(&mut records, &chain, commit);
        all.extend(records);
    }
    all
}
