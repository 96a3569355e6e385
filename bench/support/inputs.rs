//! Files of the sources that read files, of any size: each record made from its number.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Result;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::export;

/// A source of files, its settings, and how its file is written: below a folder, with so many items.
pub(crate) struct Input {
    pub(crate) source: &'static str,
    pub(crate) settings: &'static str,
    /// About how many bytes of the file an item takes.
    pub(crate) item_bytes: u64,
    pub(crate) write: fn(&Path, u64) -> Result<()>,
}

/// Every source of files that is shipped, and reads its own format's large files.
pub(crate) const INPUTS: &[Input] = &[
    Input { source: "whatsapp-export", settings: export::SETTINGS, item_bytes: 110, write: whatsapp_export },
    Input {
        source: "sms-backup",
        settings: r#"{"path":"inbox","owner":"anna@example.com"}"#,
        item_bytes: 300,
        write: sms_backup,
    },
    Input {
        source: "telegram-export",
        settings: r#"{"path":"inbox","owner":"anna@example.com","zone":"UTC"}"#,
        item_bytes: 290,
        write: telegram_export,
    },
    Input { source: "slack-export", settings: r#"{"path":"inbox"}"#, item_bytes: 200, write: slack_export },
    Input { source: "mattermost", settings: r#"{"path":"inbox"}"#, item_bytes: 190, write: mattermost },
    Input { source: "whatsapp-cloud", settings: r#"{"path":"inbox"}"#, item_bytes: 480, write: whatsapp_cloud },
];

/// 2020-01-01T00:00:00Z, in seconds.
const START_S: u64 = 1_577_836_800;
/// Between two items.
const STEP_S: u64 = 15;

fn text(number: u64) -> String {
    format!(
        "No. {number}: the van for gate {} leaves when the pallets of order {} are on it",
        number % 17,
        number % 9973
    )
}

fn file(base: &Path, name: &str) -> Result<BufWriter<File>> {
    let folder = base.join("inbox");
    fs::create_dir_all(&folder)?;
    Ok(BufWriter::new(File::create(folder.join(name))?))
}

fn whatsapp_export(base: &Path, items: u64) -> Result<()> {
    Ok(export::write(base, u32::try_from(items)?)?)
}

fn sms_backup(base: &Path, items: u64) -> Result<()> {
    let mut out = file(base, "sms.xml")?;
    writeln!(out, "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<smses count=\"{items}\">")?;
    for number in 0..items {
        writeln!(
            out,
            r#"  <sms protocol="0" address="+49151{:08}" date="{}000" type="{}" subject="null" body="{}" toa="null" sc_toa="null" service_center="null" read="1" status="-1" locked="0" contact_name="Ben Carter" />"#,
            number % 50,
            START_S + number * STEP_S,
            1 + number % 2,
            text(number)
        )?;
    }
    writeln!(out, "</smses>")?;
    Ok(out.flush()?)
}

fn telegram_export(base: &Path, items: u64) -> Result<()> {
    let mut out = file(base, "result.json")?;
    writeln!(out, "{{\n \"name\": \"Ben Carter\",\n \"type\": \"personal_chat\",\n \"id\": 7,\n \"messages\": [")?;
    for number in 0..items {
        let comma = if number + 1 < items { "," } else { "" };
        let (at_s, who) = (START_S + number * STEP_S, if number % 2 == 0 { 5 } else { 7 });
        let text = text(number);
        writeln!(
            out,
            r#"  {{"id": {number}, "type": "message", "date": "{}", "date_unixtime": "{at_s}", "from": "Somebody", "from_id": "user{who}", "text": "{text}", "text_entities": [{{"type": "plain", "text": "{text}"}}]}}{comma}"#,
            &stamp(at_s)[..19]
        )?;
    }
    writeln!(out, " ]\n}}")?;
    Ok(out.flush()?)
}

fn stamp(at_s: u64) -> String {
    chancery::item::time::rfc3339(i64::try_from(at_s * 1000).unwrap_or_default())
}

/// A workspace of some size: users and channels, each day a file of one of them.
fn slack_export(base: &Path, items: u64) -> Result<()> {
    const DAY_S: u64 = 24 * 60 * 60;
    const ITEMS_PER_FILE: u64 = 2_000;
    const USERS: u64 = 2_000;
    const CHANNELS: u64 = 200;
    fs::create_dir_all(base.join("inbox"))?;
    let mut zip = ZipWriter::new(BufWriter::new(File::create(base.join("inbox/acme.zip"))?));
    let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("users.json", packed)?;
    for user in 0..USERS {
        writeln!(
            zip,
            r#"{}{{"id":"U{user}","team_id":"T1","name":"person{user}","profile":{{"real_name":"Person {user}","email":"person{user}@example.com"}}}}{}"#,
            if user == 0 { '[' } else { ' ' },
            if user + 1 == USERS { ']' } else { ',' }
        )?;
    }
    zip.start_file("channels.json", packed)?;
    for channel in 0..CHANNELS {
        let members: Vec<String> = (0..20).map(|place| format!("\"U{}\"", (channel * 10 + place) % USERS)).collect();
        writeln!(
            zip,
            r#"{}{{"id":"C{channel}","name":"channel{channel}","members":[{}]}}{}"#,
            if channel == 0 { '[' } else { ' ' },
            members.join(","),
            if channel + 1 == CHANNELS { ']' } else { ',' }
        )?;
    }
    for number in 0..items {
        let (file, within) = (number / ITEMS_PER_FILE, number % ITEMS_PER_FILE);
        let (channel, day) = (file % CHANNELS, file / CHANNELS);
        if within == 0 {
            zip.start_file(format!("channel{channel}/{}.json", &stamp(START_S + day * DAY_S)[..10]), packed)?;
        }
        let is_last = within + 1 == ITEMS_PER_FILE || number + 1 == items;
        writeln!(
            zip,
            r#"{}{{"type":"message","user":"U{}","client_msg_id":"{number:08x}-0000-4000-8000-000000000000","ts":"{}.{:06}","text":"{}"}}{}"#,
            if within == 0 { '[' } else { ' ' },
            (channel * 10 + number % 20) % USERS,
            START_S + day * DAY_S + within * 40,
            number % 1_000_000,
            text(number),
            if is_last { ']' } else { ',' }
        )?;
    }
    zip.finish()?.flush()?;
    Ok(())
}

fn mattermost(base: &Path, items: u64) -> Result<()> {
    let mut out = file(base, "export.jsonl")?;
    writeln!(out, r#"{{"type":"version","version":1}}"#)?;
    writeln!(out, r#"{{"type":"team","team":{{"name":"acme","display_name":"Acme"}}}}"#)?;
    writeln!(
        out,
        r#"{{"type":"channel","channel":{{"team":"acme","name":"general","display_name":"General","type":"O"}}}}"#
    )?;
    for name in ["anna", "ben"] {
        writeln!(
            out,
            r#"{{"type":"user","user":{{"username":"{name}","email":"{name}@example.com","teams":[{{"name":"acme","channels":[{{"name":"general"}}]}}]}}}}"#
        )?;
    }
    for number in 0..items {
        writeln!(
            out,
            r#"{{"type":"post","post":{{"team":"acme","channel":"general","user":"{}","message":"{}","create_at":{}000}}}}"#,
            if number % 2 == 0 { "anna" } else { "ben" },
            text(number),
            START_S + number * STEP_S
        )?;
    }
    Ok(out.flush()?)
}

fn whatsapp_cloud(base: &Path, items: u64) -> Result<()> {
    let mut out = file(base, "spool.jsonl")?;
    for number in 0..items {
        writeln!(
            out,
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"500","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"+1 555-000-1111","phone_number_id":"900"}},"contacts":[{{"profile":{{"name":"Ben Carter"}},"wa_id":"4915112345678"}}],"messages":[{{"from":"4915112345678","id":"wamid.{number:016X}","timestamp":"{}","type":"text","text":{{"body":"{}"}}}}]}},"field":"messages"}}]}}]}}"#,
            START_S + number * STEP_S,
            text(number)
        )?;
    }
    Ok(out.flush()?)
}
