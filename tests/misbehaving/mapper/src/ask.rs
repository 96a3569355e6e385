//! Asks the directory what nobody should ask. Whoever survives this goes on honestly.

use kit::mapper::Directory;

use crate::Table;

pub(crate) const BEHAVIOURS: Table<fn(&mut dyn Directory)> = &[
    ("asks-for-a-million", |directory| {
        let addresses: Vec<String> = (0..1_000_000).map(|number| format!("person{number}@example.com")).collect();
        directory.lookup(&addresses);
    }),
    ("asks-for-ever", |directory| {
        let mut number = 0_u64;
        loop {
            directory.lookup(&[format!("person{number}@example.com")]);
            number += 1;
        }
    }),
    ("asks-for-odd-addresses", |directory| {
        let odd = ["", "@", "../anna@example.com", "/etc/passwd", "a\r\nBcc: b@example.com", "a\0@example.com"];
        let mut odd: Vec<String> = odd.map(str::to_owned).into();
        odd.push("x".repeat(1 << 20));
        let found = directory.lookup(&odd);
        assert!(found.iter().all(Option::is_none), "the directory has none of these");
    }),
];
