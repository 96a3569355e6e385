//! `cases/<case>/batch.json` gives `cases/<case>/expected/*`, byte for byte.
//!
//! `BLESS=1 cargo test -p email` writes what is produced now; read the difference before keeping it.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::{assert_well_formed, batch_from_json, convert, splice};

#[test]
fn cases_give_the_expected_messages() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut folders: Vec<_> = fs::read_dir(&cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        check(&folder);
    }
}

fn check(folder: &Path) {
    let batch = batch_from_json(&fs::read_to_string(folder.join("batch.json")).unwrap());
    let mut produced = BTreeMap::new();
    for (item, outcome) in batch.items.iter().zip(convert(&batch)) {
        let number = produced.len();
        match outcome {
            Ok(message) => {
                assert_well_formed(&batch, &message);
                produced.insert(format!("{number:02}-{}.eml", item.event.name()), splice(&message));
            }
            Err(failure) => {
                let text = format!("{}\n{}\n", failure.code, failure.message);
                produced.insert(format!("{number:02}-{}.failure", item.event.name()), text.into_bytes());
            }
        }
    }
    let expected = folder.join("expected");
    if std::env::var_os("BLESS").is_some() {
        if expected.exists() {
            fs::remove_dir_all(&expected).unwrap();
        }
        fs::create_dir_all(&expected).unwrap();
        for (name, bytes) in &produced {
            fs::write(expected.join(name), bytes).unwrap();
        }
        return;
    }
    let kept: BTreeMap<String, Vec<u8>> = fs::read_dir(&expected)
        .unwrap_or_else(|error| panic!("{}: {error}; run with BLESS=1", expected.display()))
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    assert_eq!(kept.keys().collect::<Vec<_>>(), produced.keys().collect::<Vec<_>>(), "{}", folder.display());
    for (name, bytes) in &produced {
        assert_eq!(
            String::from_utf8_lossy(&kept[name]),
            String::from_utf8_lossy(bytes),
            "{} (BLESS=1 writes what is produced now)",
            folder.join("expected").join(name).display()
        );
    }
}
