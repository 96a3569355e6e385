//! The bytes that travel between pages.
//!
//! A cursor is one version byte and then the fields of one phase, each written by the type that owns it: numbers as
//! LEB128, byte strings with their length before them. Whatever is not exactly that is refused.

/// Version of the cursor's layout; the first byte.
pub(crate) const VERSION: u8 = 2;

/// Writes a cursor.
#[derive(Debug, Default)]
pub(crate) struct Encoder(pub(crate) Vec<u8>);

impl Encoder {
    /// One byte.
    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    /// A number, in as few bytes as it needs.
    pub(crate) fn number(&mut self, mut value: u64) {
        loop {
            let low = (value & 0x7F) as u8;
            value >>= 7;
            self.0.push(if value == 0 { low } else { low | 0x80 });
            if value == 0 {
                return;
            }
        }
    }

    /// A number that may be negative.
    pub(crate) fn signed(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)) as u64);
    }

    /// A string of bytes.
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// A text.
    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }
}

/// Reads a cursor; every method gives none when the bytes are not what it expects.
#[derive(Debug)]
pub(crate) struct Decoder<'a>(pub(crate) &'a [u8]);

impl<'a> Decoder<'a> {
    /// One byte.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A number that may be negative.
    pub(crate) fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A string of bytes.
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// A number that fits where it is used.
    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_cut_bytes_are_refused() {
        let mut out = Encoder::default();
        for value in [0, 1, 127, 128, 300, u64::MAX] {
            out.number(value);
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            out.signed(value);
        }
        out.text("né");
        let read = |bytes: &[u8]| -> Option<(Vec<u64>, Vec<i64>, String)> {
            let mut from = Decoder(bytes);
            let numbers = (0..6).map(|_| from.number()).collect::<Option<_>>()?;
            let signed = (0..5).map(|_| from.signed()).collect::<Option<_>>()?;
            Some((numbers, signed, from.text()?.to_owned()))
        };
        let whole = (vec![0, 1, 127, 128, 300, u64::MAX], vec![0, -1, 1, i64::MIN, i64::MAX], "né".to_owned());
        assert_eq!(read(&out.0), Some(whole));
        for length in 0..out.0.len() {
            assert_eq!(read(&out.0[..length]), None, "cut at {length}");
        }
    }
}
