//! A valid voice note: Ogg pages around Opus packets of silence.

/// One second is fifty packets of 20 ms.
const PACKETS_PER_PAGE: usize = 50;
/// Opus counts samples at 48 kHz whatever was recorded.
const SAMPLES_PER_PACKET: u64 = 960;
/// Table of contents for CELT full band, 20 ms, mono, one frame; then the range coder's "silence".
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

const CONTINUED_NONE: u8 = 0;
const BEGINS: u8 = 2;
const ENDS: u8 = 4;

/// A note of this length; `serial` is the stream's number.
pub(super) fn voice_note(serial: u32, seconds: u32) -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    head.extend([1, 1]); // version, channels
    head.extend(312_u16.to_le_bytes()); // pre-skip
    head.extend(16_000_u32.to_le_bytes()); // rate of the recording
    head.extend([0, 0, 0]); // gain, channel mapping
    let vendor = b"chancery world";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((vendor.len() as u32).to_le_bytes());
    tags.extend(vendor);
    tags.extend(0_u32.to_le_bytes());

    let mut stream = Stream { bytes: Vec::new(), serial, sequence: 0 };
    stream.page(BEGINS, 0, &[&head]);
    stream.page(CONTINUED_NONE, 0, &[&tags]);
    let seconds = seconds.max(1);
    let packets: [&[u8]; PACKETS_PER_PAGE] = [&SILENCE; PACKETS_PER_PAGE];
    for second in 1..=seconds {
        let flags = if second == seconds { ENDS } else { CONTINUED_NONE };
        stream.page(flags, u64::from(second) * PACKETS_PER_PAGE as u64 * SAMPLES_PER_PACKET, &packets);
    }
    stream.bytes
}

struct Stream {
    bytes: Vec<u8>,
    serial: u32,
    sequence: u32,
}

impl Stream {
    /// Appends a page of whole packets, each shorter than 255 bytes.
    fn page(&mut self, flags: u8, granule: u64, packets: &[&[u8]]) {
        let begin = self.bytes.len();
        self.bytes.extend(b"OggS\0");
        self.bytes.push(flags);
        self.bytes.extend(granule.to_le_bytes());
        self.bytes.extend(self.serial.to_le_bytes());
        self.bytes.extend(self.sequence.to_le_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.push(packets.len() as u8);
        self.bytes.extend(packets.iter().map(|packet| packet.len() as u8));
        for packet in packets {
            self.bytes.extend(*packet);
        }
        let sum = crc(&self.bytes[begin..]);
        self.bytes[begin + 22..begin + 26].copy_from_slice(&sum.to_le_bytes());
        self.sequence += 1;
    }
}

/// Ogg's own CRC-32: not reflected, nothing inverted.
fn crc(data: &[u8]) -> u32 {
    data.iter().fold(0, |mut sum: u32, byte| {
        sum ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            sum = (sum << 1) ^ (0x04c1_1db7 & (sum >> 31).wrapping_neg());
        }
        sum
    })
}
