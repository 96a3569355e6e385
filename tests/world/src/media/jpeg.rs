//! A valid baseline JPEG made of flat 8×8 tiles: only the mean (DC) of each tile is coded, which needs no cosine
//! transform and two Huffman tables of our own that are small enough to see through.

use crate::random::Random;

const TILES_WIDE: u16 = 40;
const TILES_HIGH: u16 = 30;
/// Every coefficient is quantised by this; a tile's DC is 8 × (level − 128), so the coded value is level − 128.
const QUANTUM: u8 = 8;
/// A difference of two coded values lies in ±255 and fits 8 bits; 12 categories is what baseline allows.
const CATEGORIES: u8 = 12;

/// A photo-like picture.
pub(super) fn picture(random: &mut Random) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8];
    segment(&mut jpeg, 0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let mut table = vec![0];
    table.extend([QUANTUM; 64]);
    segment(&mut jpeg, 0xdb, &table);
    let [height, width] = [(TILES_HIGH * 8).to_be_bytes(), (TILES_WIDE * 8).to_be_bytes()];
    let mut frame = vec![8, height[0], height[1], width[0], width[1], 3];
    for component in 1..=3 {
        frame.extend([component, 0x11, 0]); // no subsampling, quantisation table 0
    }
    segment(&mut jpeg, 0xc0, &frame);
    segment(&mut jpeg, 0xc4, &huffman(0x00, 4, CATEGORIES)); // DC: category c is c in four bits
    segment(&mut jpeg, 0xc4, &huffman(0x10, 1, 1)); // AC: only "end of block", as a single 0
    segment(&mut jpeg, 0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    scan(&mut jpeg, random);
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

fn segment(jpeg: &mut Vec<u8>, marker: u8, data: &[u8]) {
    jpeg.extend([0xff, marker]);
    jpeg.extend((data.len() as u16 + 2).to_be_bytes());
    jpeg.extend(data);
}

/// A table whose `symbols` first symbols all have codes of `length` bits.
fn huffman(class_and_id: u8, length: usize, symbols: u8) -> Vec<u8> {
    let mut counts = [0; 16];
    counts[length - 1] = symbols;
    let mut table = vec![class_and_id];
    table.extend(counts);
    table.extend(0..symbols);
    table
}

fn scan(jpeg: &mut Vec<u8>, random: &mut Random) {
    let base = [random.below(80) as i32, random.below(256) as i32, random.below(256) as i32];
    let mut bits = Bits { jpeg, held: 0, count: 0 };
    let mut before = [0; 3];
    for y in 0..i32::from(TILES_HIGH) {
        for x in 0..i32::from(TILES_WIDE) {
            let grain = random.below(12) as i32;
            let levels = [base[0] + y * 4 + grain, (base[1] + x * 3) % 256, (base[2] + y * 2 + x) % 256];
            for (level, before) in levels.into_iter().zip(&mut before) {
                let coded = level.clamp(0, 255) - 128;
                bits.difference(coded - *before);
                *before = coded;
            }
        }
    }
    bits.finish();
}

struct Bits<'a> {
    jpeg: &'a mut Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits<'_> {
    fn push(&mut self, value: u32, length: u32) {
        self.held = (self.held << length) | value;
        self.count += length;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.held >> self.count) as u8;
            self.jpeg.push(byte);
            if byte == 0xff {
                self.jpeg.push(0); // stuffing: 0xff begins a marker
            }
        }
        self.held &= (1 << self.count) - 1;
    }

    fn difference(&mut self, difference: i32) {
        let category = 32 - difference.unsigned_abs().leading_zeros();
        self.push(category, 4);
        let coded = if difference < 0 { difference - 1 } else { difference };
        self.push(coded as u32 & ((1 << category) - 1), category);
        self.push(0, 1);
    }

    fn finish(mut self) {
        if self.count > 0 {
            let missing = 8 - self.count;
            self.push((1 << missing) - 1, missing);
        }
    }
}
