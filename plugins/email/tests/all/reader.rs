//! An independent strict reader, where there is one: `CHANCERY_MAIL_ORACLE` names a Python script that takes the root
//! of a tree of Maildirs and exits 0 only when every message parses without a defect.

use std::{fs, path::Path, process::Command};

use kit::converter::Batch;

use crate::{
    hostile::hostile_batch,
    support::{batch_from_json, convert, splice},
};

#[test]
fn strict_reader_finds_no_defect() {
    let Some(script) = std::env::var_os("CHANCERY_MAIL_ORACLE") else { return };
    let root = tempfile::tempdir().unwrap();
    for seed in 0..60 {
        write_mailbox(root.path(), &format!("hostile{seed}@example.com"), &hostile_batch(seed, 32));
    }
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).unwrap() {
        let folder = entry.unwrap();
        let batch = batch_from_json(&fs::read_to_string(folder.path().join("batch.json")).unwrap());
        write_mailbox(root.path(), &format!("{}@example.com", folder.file_name().to_string_lossy()), &batch);
    }
    let output = Command::new("python3").arg(script).arg(root.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("problems {}"), "{said}");
}

fn write_mailbox(root: &Path, address: &str, batch: &Batch) {
    let folder = root.join(address).join(".WhatsApp Archiver");
    for name in ["tmp", "new", "cur"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    for (number, outcome) in convert(batch).into_iter().enumerate() {
        if let Ok(message) = outcome {
            fs::write(folder.join("new").join(format!("{number}.eml")), splice(&message)).unwrap();
        }
    }
}
