//! The site answers as the contract says.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use world::{Faults, Route, Site, Story, StoryOptions, VolumeOptions};

use crate::client::{Client, count_path, items_path};

async fn small_site() -> Site {
    let story = Story::generate(&StoryOptions { items: 200, ..StoryOptions::default() });
    Site::start(Arc::new(story), Faults::none()).await.unwrap()
}

#[tokio::test]
async fn signing_in_gives_a_token_and_a_wrong_password_does_not() {
    let site = small_site().await;
    let stranger = Client::stranger(&site);
    let right = stranger.sign_in("demo-password").await;
    assert_eq!(right.status, 200);
    assert_eq!(right.header("content-type"), Some("application/json"));
    assert!(right.json()["token"].as_str().is_some_and(|token| token.len() > 32));
    assert_eq!(right.json()["expires_in_s"], 3600);
    let wrong = stranger.sign_in("guess").await;
    assert_eq!((wrong.status, wrong.json()["error"].as_str()), (401, Some("login-refused")));
    assert_eq!(stranger.send("POST", "/v1/session", "user=archive").await.status, 400);
    for path in ["/v1/account", "/v1/users", "/v1/items", "/v1/items/count", "/v1/attachments/a0"] {
        let refused = stranger.get(path).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (401, Some("token-expired")), "{path}");
    }
}

#[tokio::test]
async fn account_and_roster_are_those_of_the_organisation() {
    let site = small_site().await;
    let client = Client::signed_in(&site).await;
    let account = client.get("/v1/account").await.json();
    assert_eq!(account["id"], site.story().account());
    assert_eq!(account["archivers"], serde_json::json!(["whatsapp-phone", "whatsapp-cloud"]));
    let mut users: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("/v1/users?limit=10&cursor={cursor}")).await.json();
        assert!(page["users"].as_array().unwrap().len() <= 10);
        users.extend(page["users"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let internal = site.story().people().iter().filter(|person| person.user_id.is_some()).count();
    assert_eq!(users.len(), internal + 1, "everybody with a user id, and the suspended one");
    assert_eq!(users.iter().filter(|user| user["status"] == "suspended").count(), 1);
}

#[tokio::test]
async fn pages_hold_every_delivery_whatever_their_size() {
    let site = small_site().await;
    let client = Client::signed_in(&site).await;
    let span = site.story().span_ms();
    let ids = |items: &[Value]| items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let at_once = ids(&client.items(span, 1000).await);
    for limit in [7, 100, 500] {
        assert_eq!(ids(&client.items(span, limit).await), at_once, "{limit}");
    }
    let times: Vec<_> = client.items(span, 1000).await.iter().map(|item| item["event_time_ms"].as_i64()).collect();
    assert!(!times.is_sorted(), "the order is nobody's");
}

#[tokio::test]
async fn windows_cut_the_day_without_loss_or_overlap() {
    let site = small_site().await;
    let client = Client::signed_in(&site).await;
    let (start, end) = site.story().span_ms();
    let cuts = [start, start + 9 * 3_600_000, start + 12 * 3_600_000 + 1, end];
    let mut seen = BTreeSet::new();
    for cut in cuts.windows(2) {
        let window = (cut[0], cut[1]);
        let ids: BTreeSet<_> =
            client.items(window, 50).await.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        let count = client.get(&count_path(window)).await.json()["count"].as_u64().unwrap();
        assert_eq!(ids.len() as u64, count);
        assert_eq!(site.story().totals(window.0, window.1).deliveries, count);
        for id in ids {
            assert!(seen.insert(id));
        }
    }
    assert_eq!(seen.len() as u64, site.story().totals(start, end).deliveries);
    assert!(client.items((start - 86_400_000, start), 50).await.is_empty());
    assert!(client.items((end, end + 86_400_000), 50).await.is_empty());
}

#[tokio::test]
async fn improper_questions_are_refused() {
    let site = small_site().await;
    let client = Client::signed_in(&site).await;
    let (from, to) = site.story().span_ms();
    let page = client.get(&items_path((from, to), 10, "")).await.json();
    let foreign = page["next"].as_str().unwrap();
    let cases = [
        (items_path((from, to), 10, "nonsense"), 400, "bad-cursor"),
        (items_path((from, to - 1), 10, foreign), 400, "bad-cursor"),
        (format!("/v1/users?cursor={foreign}"), 400, "bad-cursor"),
        (count_path((to, from)), 400, "bad-window"),
        (format!("/v1/items?from={from}&archiver=whatsapp"), 400, "bad-window"),
        (format!("/v1/items?from=then&to={to}&archiver=whatsapp"), 400, "bad-window"),
        (format!("/v1/items/count?from={from}&to={to}&archiver=fax"), 400, "unknown-archiver"),
        ("/v1/attachments/none".to_owned(), 404, "expired"),
        ("/v2/items".to_owned(), 404, "no-such-path"),
    ];
    for (path, status, error) in cases {
        let reply = client.get(&path).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (status, Some(error)), "{path}");
    }
    let other_network = client.get(&format!("/v1/items/count?from={from}&to={to}&archiver=signal")).await;
    assert_eq!((other_network.status, other_network.json()["count"].as_u64()), (200, Some(0)));
}

#[tokio::test]
async fn attachments_have_the_announced_type_size_and_digest() {
    let options =
        StoryOptions { items: 300, oversize_bytes: 1 << 20, expired_attachments: 1, ..StoryOptions::default() };
    let site = Site::start(Arc::new(Story::generate(&options)), Faults::none()).await.unwrap();
    let client = Client::signed_in(&site).await;
    let mut kinds = BTreeSet::new();
    let mut expired = 0;
    for item in client.items(site.story().span_ms(), 1000).await {
        for file in item["attachments"].as_array().into_iter().flatten() {
            let id = file["id"].as_str().unwrap();
            let known = site.story().attachment(id).unwrap();
            let reply = client.get(&format!("/v1/attachments/{id}")).await;
            if known.expired {
                assert_eq!(reply.status, 404);
                expired += 1;
                continue;
            }
            assert_eq!(reply.header("content-type"), file["media_type"].as_str());
            assert!(reply.is_whole());
            assert_eq!(Some(reply.body.len() as u64), file["size"].as_u64());
            assert_eq!(sha256(&reply.body), known.sha256());
            kinds.insert(known.media_type);
        }
    }
    assert!(expired > 0);
    assert!(kinds.contains("video/mp4") && kinds.contains("image/jpeg"), "{kinds:?}");
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn what_has_not_happened_yet_is_not_shown_and_late_items_come_late() {
    const DAY_MS: i64 = 86_400_000;
    let options = StoryOptions { items: 400, days: 3, late_items: 4, ..StoryOptions::default() };
    let site = Site::start(Arc::new(Story::generate(&options)), Faults::none()).await.unwrap();
    let (start, end) = site.story().span_ms();
    let first_day = (start, start + DAY_MS);
    site.set_now_ms(Some(start - 1));
    assert_eq!(count_at(&site, (start, end)).await, 0);
    site.set_now_ms(Some(start + DAY_MS));
    let in_time = count_at(&site, first_day).await;
    site.set_now_ms(Some(start + 2 * DAY_MS + DAY_MS / 2));
    assert!(in_time < count_at(&site, first_day).await, "late items have arrived");
    assert_eq!(count_at(&site, first_day).await, site.story().totals(first_day.0, first_day.1).deliveries);
    site.set_now_ms(None);
    assert_eq!(count_at(&site, (start, end)).await, site.story().totals(start, end).deliveries);
}

async fn count_at(site: &Site, window: (i64, i64)) -> u64 {
    Client::signed_in(site).await.get(&count_path(window)).await.json()["count"].as_u64().unwrap()
}

#[tokio::test]
async fn a_million_items_are_served_from_any_place() {
    let options = VolumeOptions { items: 1_000_000, deliveries_per_item: 2, ..VolumeOptions::default() };
    let site = Site::start(Arc::new(Story::volume(&options)), Faults::none()).await.unwrap();
    let client = Client::signed_in(&site).await;
    let (start, end) = site.story().span_ms();
    assert_eq!(count_at(&site, (start, end)).await, 2_000_000);
    // A minute in the middle, whole: items are 82.8 ms apart.
    let minute = (start + 40_000_000, start + 40_060_000);
    let items = client.items(minute, 1000).await;
    assert_eq!(items.len() as u64, count_at(&site, minute).await);
    assert!((1440..1460).contains(&items.len()), "{}", items.len());
    assert!(items.iter().all(|item| (minute.0..minute.1).contains(&item["event_time_ms"].as_i64().unwrap())));
    let keys: BTreeSet<_> = items.iter().map(|item| item["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len() * 2, items.len());
}

#[tokio::test]
async fn the_log_counts_requests_and_holds_no_secrets() {
    let site = small_site().await;
    let client = Client::signed_in(&site).await;
    client.get("/v1/account").await;
    client.get("/v1/attachments/a1").await;
    client.get("/v1/attachments/a2").await;
    client.get("/elsewhere?password=demo-password").await;
    let requests = site.requests();
    assert_eq!(requests.answered(Route::Session, 200), 1);
    assert_eq!(requests.answered(Route::Account, 200), 1);
    assert_eq!(requests.answered(Route::Attachment, 404), 2);
    assert_eq!(requests.to(Route::Unknown), 1);
    assert!(!format!("{requests:?}").contains("demo-password"));
    assert!(!format!("{:?}", site.story().credentials()).contains("demo-password"));
}

#[tokio::test]
async fn a_stopped_site_answers_no_more() {
    let site = small_site().await;
    let address = site.url().strip_prefix("http://").unwrap().to_owned();
    site.shutdown().await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());

    let dropped = small_site().await;
    let address = dropped.url().strip_prefix("http://").unwrap().to_owned();
    drop(dropped);
    for _ in 0..1000 {
        if tokio::net::TcpStream::connect(&address).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the dropped site still takes connections");
}
