//! Changes inputs as a fuzzer without coverage does: flips, cuts, copies, numbers at their limits, and pieces of others.

/// The most bytes of an input.
const BYTES_MAX: usize = 8 << 10;
/// Changes made to one input.
const CHANGES_MAX: u64 = 6;
/// Bytes that mean something to one reader or another.
const TOKENS: [&[u8]; 18] = [
    b"\0",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe2\x80\x8e",
    b"\xe2\x80\xaf",
    b"\"",
    b",",
    b";",
    b"\\u0000",
    b"9223372036854775807",
    b"-1",
    b"1e309",
    b"{",
    b"[[[[",
    b"=?utf-8?q?=00?=",
];

/// Makes inputs; the same seed, the same inputs.
pub(super) struct Mutator(u64);

impl Mutator {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A changed copy of one of `inputs`.
    pub(super) fn mutate(&mut self, inputs: &[&[u8]]) -> Vec<u8> {
        let mut data = self.one_of(inputs).to_vec();
        for _ in 0..=self.below(CHANGES_MAX) {
            self.change(&mut data, inputs);
        }
        data.truncate(BYTES_MAX);
        data
    }

    fn change(&mut self, data: &mut Vec<u8>, inputs: &[&[u8]]) {
        let at = self.below(data.len() as u64 + 1) as usize;
        let end = (at + self.below(32) as usize).min(data.len());
        match self.below(7) {
            0 if at < data.len() => data[at] ^= 1 << self.below(8),
            1 if at < data.len() => data[at] = self.below(256) as u8,
            2 => drop(data.drain(at..end)),
            3 => {
                let piece = data[at..end].to_vec();
                insert(data, at, &piece);
            }
            4 => {
                let token = *self.one_of(&TOKENS);
                insert(data, at, token);
            }
            5 => {
                let other = *self.one_of(inputs);
                let from = self.below(other.len() as u64 + 1) as usize;
                let to = (from + self.below(256) as usize).min(other.len());
                insert(data, at, &other[from..to]);
            }
            _ => data.truncate(at.max(1)),
        }
    }

    fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// SplitMix64.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn insert(data: &mut Vec<u8>, at: usize, piece: &[u8]) {
    data.splice(at..at, piece.iter().copied());
}
