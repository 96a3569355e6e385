use std::{fs, sync::Arc};

use super::*;
use crate::{
    item::{BlobSink, Interval, Page, network::Network},
    sandbox::blobs::memory::Memory,
};

const DAY: Reading = Reading::Window(Interval { start_ms: Some(0), end_ms: 86_400_000 });

pub(super) fn powers(egress: Egress, folders: Folders) -> SourcePowers {
    SourcePowers {
        connector: "whatsapp".to_owned(),
        egress: Arc::new(egress),
        folders: Arc::new(folders),
        attachment_bytes_max: 8 << 20,
    }
}

async fn worker_with(powers: SourcePowers, settings: &str) -> SourceWorker {
    SourceWorker::new(&SANDBOX, &bundled("misbehaving-source").await, powers, settings.to_owned()).unwrap()
}

async fn worker(behave: &str) -> SourceWorker {
    worker_with(powers(Egress::closed(), Folders::none()), &format!("{{\"behave\":\"{behave}\"}}")).await
}

async fn pull_from(worker: &mut SourceWorker, cursor: Option<&[u8]>) -> Result<Page, Failure> {
    let request = PullRequest { reading: &DAY, account: "misbehaving", bookmark: None, cursor, max_items: 2 };
    let stage: Arc<dyn BlobSink> = Arc::new(Memory::default());
    worker.pull(request, stage).await
}

/// What an attempt's item says.
fn outcomes(page: &Page) -> Vec<(&str, &str)> {
    page.items.iter().map(|item| (item.id.as_str(), item.text.as_deref().unwrap_or_default())).collect()
}

#[tokio::test]
async fn pages_follow_each_other_in_one_instance_or_in_many() {
    for replaced in [false, true] {
        let mut worker = worker("ok").await;
        let account = worker.check().await.unwrap();
        assert_eq!(account.id, "misbehaving");
        assert!(worker.totals("misbehaving", Interval { start_ms: Some(0), end_ms: 1 }).await.unwrap().is_some());
        worker.roster().await.unwrap();
        let (mut ids, mut cursor) = (Vec::new(), None);
        loop {
            let page = pull_from(&mut worker, cursor.as_deref()).await.unwrap();
            ids.extend(page.items.into_iter().map(|item| item.id));
            cursor = page.cursor;
            if cursor.is_none() {
                assert!(page.bookmark.is_some());
                break;
            }
            if replaced {
                worker.replace_instance();
            }
        }
        assert_eq!(ids, ["plain-86400000-0", "plain-86400000-1", "plain-86400000-2"]);
    }
}

#[tokio::test]
async fn whatever_a_source_uses_up_is_a_failure_and_the_host_goes_on() {
    let (sandbox, hasty) = (impatient(Duration::from_secs(60)), impatient(Duration::from_secs(1)));
    let plugins = [load(&sandbox, "misbehaving-source").await, load(&hasty, "misbehaving-source").await];
    let table = [
        ("abort", "plugin-trap", NextMove::Stop, ""),
        ("allocate", "plugin-memory", NextMove::Stop, "MiB of memory, more than it may have"),
        ("exit", "plugin-trap", NextMove::Stop, "ended itself"),
        ("flood-log", "plugin-log-flood", NextMove::Stop, "that nobody will ever want to read"),
        ("loop", "plugin-timeout", NextMove::Stop, "computed for more than 1 s"),
        ("panic", "plugin-trap", NextMove::Stop, "misbehaving on purpose, as `panic` asks"),
        ("recurse", "plugin-trap", NextMove::Stop, ""),
        ("sleep", "plugin-timeout", NextMove::Retry { after: None }, "no answer within 1 s"),
        ("huge-return", "plugin-memory", NextMove::Stop, ""),
    ];
    for (behave, code, next, words) in table {
        for during in ["pull", "check"] {
            if during == "check" && behave == "huge-return" {
                continue;
            }
            let settings = format!("{{\"behave\":\"{behave}\",\"during\":\"{during}\"}}");
            let powers = powers(Egress::closed(), Folders::none());
            let waits = behave == "sleep";
            let (sandbox, plugin) = if waits { (&hasty, &plugins[1]) } else { (&sandbox, &plugins[0]) };
            let mut worker = SourceWorker::new(sandbox, plugin, powers, settings).unwrap();
            let failure = match during {
                "pull" => pull_from(&mut worker, None).await.unwrap_err(),
                _ => worker.check().await.map(drop).unwrap_err(),
            };
            assert_eq!((failure.code.as_str(), failure.next), (code, next), "{behave}: {failure}");
            for part in [
                "plugin `misbehaving-source` 0.1.0",
                &format!("`{during}`"),
                "connector: `whatsapp`",
                "digest: sha256:",
                words,
            ] {
                assert!(failure.message.contains(part), "{behave}: no {part} in {failure}");
            }
            assert!(!failure.message.contains('\u{1b}'), "{behave}");
        }
    }
    assert!(pull_from(&mut worker("long-log-line").await, None).await.is_ok(), "1 MiB is not a flood yet");
}

#[tokio::test]
async fn a_page_that_breaks_the_contract_names_item_and_field() {
    let table = [
        ("bad-conversation", "item 0: `conversation` is 1"),
        ("bad-extension-name", "item 0: `extensions`"),
        ("bad-index", "item 0: "),
        ("bad-missing-code", "item 0, attachment 0: `content`"),
        ("bad-owner", "item 0: `owner`"),
        ("bad-participant", "item 0: `participants` is 2"),
        ("bad-progress", "`progress`"),
        ("bad-sender", "item 0: `sender`"),
        ("big-bookmark", "`bookmark`"),
        ("big-cursor", "`cursor`"),
        ("early-bookmark", "`bookmark`"),
        ("empty-conversation-id", "conversation 0: `id` is empty"),
        ("empty-id", "item 0: `id` is empty"),
        ("empty-person-id", "person 0: `id` is empty"),
        ("guess-blob", "item 0, attachment 0: `content` names a blob"),
        ("huge-text", "item 0: `text` has"),
        ("long-extension", "item 0: `extensions` has"),
        ("long-id", "item 0: `id` has 513"),
        ("long-name", "person 0: `name` has"),
        ("long-original", "item 0: `original` has"),
        ("lying-blob", "item 0, attachment 0: `content` says another"),
        ("many-participants", "`participants`"),
        ("missing-participants", "item 0: its `sender`"),
        ("repeated-participants", "item 0: `participants` names a person twice"),
        ("too-many-attachments", "item 0 has 257 attachments"),
        ("too-many-extensions", "item 0 has 65 extensions"),
        ("too-many-items", "the page has 3 items, the limit is 2"),
        ("unreadable-empty-id", "unreadable 0: `id` is empty"),
        ("unreadable-long", "unreadable 0: `original` has"),
    ];
    for (behave, reason) in table {
        let failure = pull_from(&mut worker(behave).await, None).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), ("plugin-bad-output", NextMove::Stop), "{behave}: {failure}");
        assert!(failure.message.contains(reason.trim_end_matches("participants`")), "{behave}: {failure}");
    }
    let failure = pull_from(&mut worker("large-return").await, None).await.unwrap_err();
    assert_eq!(failure.code, "plugin-output-too-large", "{failure}");
    for allowed in [
        "duplicate-ids",
        "future-items",
        "past-items",
        "time-overflow",
        "header-injection",
        "odd-names",
        "odd-text",
        "non-utf8-original",
        "unreadable",
    ] {
        pull_from(&mut worker(allowed).await, None).await.unwrap_or_else(|failure| panic!("{allowed}: {failure}"));
    }
}

#[tokio::test]
async fn a_blob_of_another_call_is_bad_output() {
    let mut keeper = worker("keep-blob").await;
    let page = pull_from(&mut keeper, None).await.unwrap();
    let failure = pull_from(&mut keeper, page.cursor.as_deref()).await.unwrap_err();
    assert!(failure.message.contains("a blob that this call did not make"), "{failure}");
    assert!(failure.message.contains("at: cursor "), "{failure}");
}

#[tokio::test]
async fn a_sources_own_errors_decide_what_follows() {
    let after = |ms| NextMove::Retry { after: Some(Duration::from_millis(ms)) };
    let table = [
        ("fail-denied", NextMove::AskPerson),
        ("fail-misconfigured", NextMove::AskPerson),
        ("fail-other", NextMove::Retry { after: None }),
        ("fail-rate-limited", after(100)),
        ("fail-rejected", NextMove::Reject),
        ("fail-retry", after(100)),
    ];
    for (behave, next) in table {
        let failure = pull_from(&mut worker(behave).await, None).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), ("made-up", next), "{behave}");
        assert_eq!(
            failure.message,
            "from plugin `misbehaving-source` 0.1.0: the source failed, because a test asked it to"
        );
        assert_eq!(failure.hint.as_deref(), Some("ask it for something else"));
    }
    let failure = pull_from(&mut worker("bad-error").await, None).await.unwrap_err();
    assert_eq!(failure.code, "plugin-error");
    assert!(failure.message.len() < 2_000 && !failure.message.contains(['\u{1b}', '\r', '\0']), "{failure}");
}

#[tokio::test]
async fn nothing_that_was_not_granted_is_reached() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("inbox-and-more")).unwrap();
    fs::create_dir(dir.path().join("inbox")).unwrap();
    for secret in ["secret", "secret.zip", "inbox-and-more/secret"] {
        fs::write(dir.path().join(secret), "secret").unwrap();
    }
    std::os::unix::fs::symlink("../inbox-and-more", dir.path().join("inbox/link")).unwrap();
    std::os::unix::fs::symlink("../secret.zip", dir.path().join("inbox/link.zip")).unwrap();
    let grant = || vec!["https://archive.example.com".parse().unwrap()];
    let world = || {
        let folders = Folders::new(dir.path(), vec!["inbox".to_owned()]);
        powers(Egress::new(&Network::default(), grant(), Vec::new()).unwrap(), folders)
    };
    let reaches = [
        "ipv4-in-ipv6-url",
        "loopback-url",
        "metadata-url",
        "odd-urls",
        "userinfo-url",
        "outside-folder",
        "read-machine",
        "unknown-credential",
        "big-request",
        "blob-misuse",
        "odd-methods",
    ];
    for behave in reaches {
        let mut worker = worker_with(world(), &format!("{{\"behave\":\"{behave}\"}}")).await;
        let request =
            PullRequest { reading: &DAY, account: "misbehaving", bookmark: None, cursor: None, max_items: 100 };
        let page = worker
            .pull(request, Arc::new(Memory::default()))
            .await
            .unwrap_or_else(|failure| panic!("{behave}: {failure}"));
        assert!(!page.items.is_empty(), "{behave}");
        for (what, outcome) in outcomes(&page) {
            assert!(outcome.starts_with("refused"), "{behave}: {what}: {outcome}");
        }
    }
    let mut worker = worker_with(world(), r#"{"behave":"forbidden-host"}"#).await;
    let failure = pull_from(&mut worker, None).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.next), ("egress-denied", NextMove::AskPerson));
    assert_eq!(
        failure.message,
        "from plugin `misbehaving-source` 0.1.0: `https://forbidden.example` is not granted to this connector's source"
    );
    assert!(
        failure.hint.unwrap().contains("origins = [\"https://archive.example.com\", \"https://forbidden.example\"]")
    );
    for (behave, code) in [("blob-flood", "too-large"), ("blob-leak", "too-many-attachments")] {
        let mut worker = worker_with(world(), &format!("{{\"behave\":\"{behave}\"}}")).await;
        let failure = pull_from(&mut worker, None).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), (code, NextMove::Reject), "{failure}");
    }
}

#[tokio::test]
async fn a_storm_of_requests_is_ended() {
    let limits = CallLimits { requests_max: 20, ..CallLimits::default() };
    let sandbox = Sandbox::new(None, limits).unwrap();
    let site = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", site.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        loop {
            let (mut stream, _) = site.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.ok();
        }
    });
    let network = Network { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], ..Network::default() };
    let egress = Egress::new(&network, vec![origin.parse().unwrap()], Vec::new()).unwrap();
    let settings = format!("{{\"behave\":\"request-storm\",\"site\":\"{origin}\"}}");
    let plugin = load(&sandbox, "misbehaving-source").await;
    let mut worker = SourceWorker::new(&sandbox, &plugin, powers(egress, Folders::none()), settings).unwrap();
    let failure = pull_from(&mut worker, None).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.next), ("plugin-requests", NextMove::Stop), "{failure}");
    assert!(failure.message.contains("more than 20 requests"), "{failure}");
}
