//! The whole pipeline into Dovecot (mdbox), against a client that appends the same messages and nothing else.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use chancery::{
    destinations::{
        Destination, Mailboxes,
        imap::{Access, Account, Imap, ImapSettings, Mechanism, Security, Servers},
    },
    item::{limits, network::Network},
    network::Dialer,
};
use secrecy::SecretString;

use crate::{
    dovecot::{Dovecot, MASTER, PASSWORD},
    maildir::{self, Mail},
    support::{
        Bench,
        compare::{Comparison, Sample, Spread, Stopwatch},
        folder::{Folder, settle_disk},
        house::{House, MAIL_FOLDER, Parts, live},
        items::{self, Synthetic},
        sandboxed,
        syncs::Syncs,
        table::{Row, Target, number},
    },
};

/// Connections of both sides.
const CONNECTIONS: usize = limits::IMAP_CONNECTIONS_MAX;
/// Messages for the clients that make each of them durable by itself.
const ONE_BY_ONE: usize = 1_000;

/// Rate, syncs on the server, and two other clients beside it.
///
/// # Errors
/// When a run failed; a machine without Dovecot has the rows skipped.
pub(crate) fn into_dovecot(bench: &Bench) -> Result<Vec<Row>> {
    let what = "pipeline into Dovecot mdbox, durable; source in this process, mapper and converter sandboxed; \
                against a client with one connection";
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    if let Err(error) = Command::new("dovecot").env("PATH", path).arg("--version").output() {
        return Ok(vec![Row::skipped(what, &format!("dovecot cannot be started ({error})"))]);
    }
    let count = bench.choose(50_000, 1_000);
    let copies = u64::from(count) * items::COPIES_PER_ITEM;
    let mails = mails(bench, count, copies)?;
    let pipeline = |server: &Dovecot| {
        let house = House::new([])?;
        let due = live(items::START_MS, items::START_MS + i64::from(count) * 1000);
        house.run_into(destination(server.port)?, bench, parts(bench, count)?, &due, copies)
    };
    let against = |connections: usize| {
        Comparison::interleave(
            bench.repetitions(),
            || raw(&Dovecot::start("mdbox", ""), &mails, connections),
            || pipeline(&Dovecot::start("mdbox", "")),
        )
    };
    let one = against(1)?;
    let rate = one.subject_rate();
    let many = format!("the same against a client with as many connections, {CONNECTIONS}");
    let mut rows = vec![
        Row::compared(what, "copies", &one, Target::AtLeast(0.8)),
        Row::compared(&many, "copies", &against(CONNECTIONS)?, Target::None),
    ];
    rows.push(syncs(&mails, pipeline)?);
    rows.push(beside("one by one with Python's imaplib", rate, bench, || imaplib(&mails))?);
    rows.push(beside("mbsync pushing a Maildir", rate, bench, || mbsync(&mails))?);
    Ok(rows)
}

fn parts(bench: &Bench, count: u32) -> Result<Parts> {
    Ok(Parts {
        source: Box::new(Synthetic::new(count)),
        source_name: "synthetic",
        mapper: Box::new(sandboxed::users(bench, "{}", items::mapping())?),
        converter: Box::new(sandboxed::email(bench)?),
    })
}

/// What the pipeline writes, as taken from Maildirs.
fn mails(bench: &Bench, count: u32, copies: u64) -> Result<Vec<Mail>> {
    let house = House::new((0..items::MAILBOXES).map(items::address))?;
    let due = live(items::START_MS, items::START_MS + i64::from(count) * 1000);
    house.run(bench, parts(bench, count)?, &due, copies)?;
    let mut mails = maildir::read(&house.mail())?;
    for mail in &mut mails {
        if !mail.bytes.windows(2).any(|two| two == b"\r\n") {
            mail.bytes = String::from_utf8_lossy(&mail.bytes).replace('\n', "\r\n").into_bytes();
        }
    }
    Ok(mails)
}

fn destination(port: u16) -> Result<Arc<dyn Destination>> {
    let settings = ImapSettings {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        mechanism: Mechanism::Plain,
        access: Access::Master { credential: "mail".to_owned(), separator: "*".to_owned() },
        folder: MAIL_FOLDER.to_owned(),
        mailboxes: Mailboxes::Domains([items::DOMAIN.to_owned()].into()),
        connections_max: CONNECTIONS,
        message_bytes_max: None,
    };
    let account = Account::Password { username: MASTER.to_owned(), password: SecretString::from(PASSWORD) };
    let network: Network = serde_json::from_value(serde_json::json!({ "allowed_networks": ["127.0.0.0/8"] }))?;
    let accounts = BTreeMap::from([("mail".to_owned(), account)]);
    Ok(Arc::new(Imap::new(settings, accounts, Dialer::new(&network)?, &Servers::default())))
}

/// The baseline: each mailbox in a thousand messages a command. It asks nothing, remembers nothing, and could not go on
/// after a crash.
fn raw(server: &Dovecot, mails: &[Mail], connections: usize) -> Result<Sample> {
    let mut by_mailbox: BTreeMap<&str, Vec<&Mail>> = BTreeMap::new();
    for mail in mails {
        by_mailbox.entry(&mail.mailbox).or_default().push(mail);
    }
    let mailboxes: Vec<_> = by_mailbox.into_iter().collect();
    settle_disk();
    let watch = Stopwatch::start();
    thread::scope(|scope| -> Result<()> {
        let parts = mailboxes.chunks(mailboxes.len().div_ceil(connections).max(1));
        let workers: Vec<_> = parts.map(|part| scope.spawn(move || append_all(server.port, part))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a thread ended")))
    })?;
    Ok(watch.stop(mails.len() as u64))
}

fn append_all(port: u16, mailboxes: &[(&str, Vec<&Mail>)]) -> Result<()> {
    for (mailbox, mails) in mailboxes {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut writer = BufWriter::with_capacity(64 << 10, stream);
        let mut said = String::new();
        reader.read_line(&mut said)?;
        say(&mut reader, &mut writer, format!("a LOGIN \"{mailbox}\" {PASSWORD}\r\n").as_bytes())?;
        say(&mut reader, &mut writer, format!("a CREATE \"{MAIL_FOLDER}\"\r\n").as_bytes())?;
        for batch in mails.chunks(limits::GROUP_COPIES_MAX) {
            write!(writer, "a APPEND \"{MAIL_FOLDER}\"")?;
            for mail in batch {
                write!(writer, " (\\Seen) \"22-Nov-2026 10:00:00 +0000\" {{{}+}}\r\n", mail.bytes.len())?;
                writer.write_all(&mail.bytes)?;
            }
            say(&mut reader, &mut writer, b"\r\n")?;
        }
    }
    Ok(())
}

/// Says the end of a command `a` and waits for its OK.
fn say(reader: &mut impl std::io::BufRead, writer: &mut impl std::io::Write, command: &[u8]) -> Result<()> {
    writer.write_all(command)?;
    writer.flush()?;
    let mut line = String::new();
    loop {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "the server closed the connection");
        if let Some(status) = line.strip_prefix("a ") {
            ensure!(status.starts_with("OK"), "the server says: {line}");
            return Ok(());
        }
    }
}

fn syncs(mails: &[Mail], pipeline: impl Fn(&Dovecot) -> Result<Sample>) -> Result<Row> {
    let what = "syncs per message of that server, 40 mailboxes; what follows the last answer included";
    let counted = |work: &dyn Fn(&Dovecot) -> Result<Sample>| -> Result<f64> {
        let counter = Syncs::new()?;
        let server = Dovecot::start_under(&counter.command(), "mdbox", "");
        work(&server)?;
        drop(server);
        Ok(counter.count()? as f64 / mails.len() as f64)
    };
    if let Err(error) = Command::new("strace").arg("-V").output() {
        return Ok(Row::skipped(what, &format!("strace cannot be started ({error})")));
    }
    let baseline = counted(&|server| raw(server, mails, 1))?;
    let value = counted(&|server| pipeline(server))?;
    let ratio = format!("{:.2}", value / baseline);
    Ok(Row::value(what, &number(baseline), &ratio, value, "", Target::AtMost(0.02)))
}

/// Another client's rate in this run, and how often the pipeline's it goes into.
fn beside(what: &str, rate: f64, bench: &Bench, run: impl Fn() -> Result<Sample>) -> Result<Row> {
    let what = format!("the same pipeline against {what}");
    let samples: Result<Vec<f64>> = (0..bench.choose(3, 1)).map(|_| run().map(|sample| sample.rate())).collect();
    Ok(match samples {
        Ok(rates) => {
            let other = Spread::of(rates).median;
            Row::ratio(
                &what,
                &format!("{} messages/s", number(other)),
                &format!("{} copies/s", number(rate)),
                rate / other,
                Target::None,
            )
        }
        Err(error) => Row::skipped(&what, &format!("{error:#}").replace('\n', " ")),
    })
}

fn imaplib(mails: &[Mail]) -> Result<Sample> {
    let server = Dovecot::start("mdbox", "");
    let folder = Folder::new("imaplib")?;
    let mails = &mails[..mails.len().min(ONE_BY_ONE)];
    for (number, mail) in mails.iter().enumerate() {
        fs::write(folder.path().join(format!("{number:06}")), &mail.bytes)?;
    }
    settle_disk();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/imap_loop.py");
    let watch = Stopwatch::start();
    let port = server.port.to_string();
    let arguments = [&port, "imaplib@example.com", PASSWORD, MAIL_FOLDER];
    let output = Command::new("python3").arg(script).args(arguments).arg(folder.path()).output();
    let output = output.context("cannot start python3")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut sample = watch.stop(mails.len() as u64);
    // Without starting Python and signing in.
    sample.wall = Duration::from_secs_f64(String::from_utf8_lossy(&output.stdout).trim().parse()?);
    Ok(sample)
}

fn mbsync(mails: &[Mail]) -> Result<Sample> {
    let server = Dovecot::start("mdbox", "");
    let folder = Folder::new("mbsync")?;
    let mails = &mails[..mails.len().min(ONE_BY_ONE)];
    let local = folder.path().join("local").join(MAIL_FOLDER);
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(local.join(part))?;
    }
    for (number, mail) in mails.iter().enumerate() {
        let name = format!("{}.{number:06}.bench:2,S", 1_795_000_000 + number);
        fs::write(local.join("cur").join(name), &mail.bytes)?;
    }
    let configuration = folder.path().join("mbsyncrc");
    fs::write(
        &configuration,
        format!(
            "IMAPAccount bench\nHost 127.0.0.1\nPort {port}\nUser mbsync@example.com\nPass {PASSWORD}\nSSLType None\n\
             AuthMechs LOGIN\nPipelineDepth 100\n\nIMAPStore far\nAccount bench\n\nMaildirStore near\n\
             Path {folder}/local/\nInbox {folder}/inbox\n\nChannel all\nFar :far:\nNear :near:\n\
             Patterns \"{MAIL_FOLDER}\"\nCreate Far\nSync Push\nSyncState {folder}/\n",
            port = server.port,
            folder = folder.path().display(),
        ),
    )?;
    settle_disk();
    let watch = Stopwatch::start();
    let output = Command::new("mbsync").arg("-q").arg("-c").arg(&configuration).arg("all").output();
    let output = output.context("cannot start mbsync")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(watch.stop(mails.len() as u64))
}
