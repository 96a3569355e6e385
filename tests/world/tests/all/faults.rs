//! Faults do what they say, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use world::{Fault, Faults, Route, Site, Story, StoryOptions};

use crate::client::{Client, Reply, count_path, items_path};

async fn site(faults: Faults) -> Site {
    let story = Story::generate(&StoryOptions { items: 120, ..StoryOptions::default() });
    Site::start(Arc::new(story), faults).await.unwrap()
}

async fn first_page(client: &Client, site: &Site) -> Reply {
    client.get(&items_path(site.story().span_ms(), 50, "")).await
}

#[tokio::test]
async fn answers_that_leave_nothing_of_the_right_one() {
    let cases = [
        (Fault::Throttle(Some(1)), 429, Some(("retry-after", "1"))),
        (Fault::Throttle(None), 429, None),
        (Fault::Status(503), 503, Some(("content-type", "application/json"))),
        (Fault::Status(0), 500, None),
        (Fault::Html(200), 200, Some(("content-type", "text/html; charset=utf-8"))),
        (Fault::Html(502), 502, Some(("content-type", "text/html; charset=utf-8"))),
        (Fault::Redirect("https://elsewhere.example/x".into()), 307, Some(("location", "https://elsewhere.example/x"))),
        (Fault::ExpireTokens, 401, None),
    ];
    for (fault, status, header) in cases {
        let site = site(Faults::none().on(Route::Items, 2..=2, fault.clone())).await;
        let client = Client::signed_in(&site).await;
        assert_eq!(first_page(&client, &site).await.status, 200, "{fault:?}: the first is not the second");
        let reply = first_page(&client, &site).await;
        assert_eq!(reply.status, status, "{fault:?}");
        if let Some((name, value)) = header {
            assert_eq!(reply.header(name), Some(value), "{fault:?}");
        }
        if matches!(fault, Fault::Throttle(None)) {
            assert_eq!(reply.header("retry-after"), None);
        }
        let again = Client::signed_in(&site).await;
        assert_eq!(first_page(&again, &site).await.status, 200, "{fault:?}: the third is right again");
        assert_eq!(site.requests().to(Route::Items), 3);
    }
}

#[tokio::test]
async fn spoiled_answers_are_spoiled_in_one_way() {
    let site = site(Faults::none()).await;
    let client = Client::signed_in(&site).await;
    let right = first_page(&client, &site).await;
    let with = |fault| site.set_faults(Faults::none().on(Route::Items, .., fault));

    with(Fault::TruncatedJson);
    let cut = first_page(&client, &site).await;
    assert!(cut.is_whole() && right.body.starts_with(&cut.body) && cut.body.len() == right.body.len() / 2);

    with(Fault::WrongTypes);
    let wrong = first_page(&client, &site).await.json();
    assert!(wrong["items"].is_object() && wrong["next"].is_number());

    with(Fault::BrokenItem);
    let broken = first_page(&client, &site).await.json();
    assert!(broken["items"][0]["event_time_ms"].is_string());
    assert_eq!(broken["items"][1], right.json()["items"][1]);

    with(Fault::BrokenItems);
    let broken = first_page(&client, &site).await.json();
    assert!(broken["items"].as_array().unwrap().iter().all(|item| item["event_time_ms"].is_string()));

    with(Fault::HiddenByRepeat);
    let hidden = first_page(&client, &site).await.json();
    let (hidden, right_items) = (&hidden["items"], &right.json()["items"]);
    assert_eq!((&hidden[0], &hidden[1], &hidden[2]), (&right_items[0], &right_items[0], &right_items[2]));

    with(Fault::DropMidBody);
    let dropped = first_page(&client, &site).await;
    assert!(!dropped.is_whole() && right.body.starts_with(&dropped.body));

    with(Fault::SlowBody { piece_bytes: right.body.len() / 3, pause: Duration::from_millis(20) });
    let slow = first_page(&client, &site).await;
    assert_eq!(slow.body, right.body);
    assert!(slow.took >= Duration::from_millis(60), "{:?}", slow.took);

    site.set_faults(Faults::none());
    assert_eq!(first_page(&client, &site).await.body, right.body);
}

#[tokio::test]
async fn counts_can_disagree() {
    let site = site(Faults::none().on(Route::Count, 2.., Fault::WrongCount(-3))).await;
    let client = Client::signed_in(&site).await;
    let path = count_path(site.story().span_ms());
    let [right, wrong] = [client.get(&path).await, client.get(&path).await].map(|reply| reply.json()["count"].as_u64());
    assert_eq!(right.unwrap() - 3, wrong.unwrap());
}

#[tokio::test]
async fn listings_can_lead_nowhere() {
    let site = site(Faults::none().on(Route::Items, 2.., Fault::SameCursor)).await;
    let client = Client::signed_in(&site).await;
    let next = |reply: Reply| reply.json()["next"].as_str().unwrap().to_owned();
    let cursor = next(first_page(&client, &site).await);
    for _ in 0..3 {
        assert_eq!(next(client.get(&items_path(site.story().span_ms(), 50, &cursor)).await), cursor);
    }

    site.set_faults(Faults::none().on(Route::Items, .., Fault::EndlessPages));
    let mut cursors = BTreeSet::new();
    let mut cursor = String::new();
    for _ in 0..40 {
        cursor = next(client.get(&items_path(site.story().span_ms(), 50, &cursor)).await);
        assert!(cursors.insert(cursor.clone()), "every cursor is new");
    }
}

#[tokio::test]
async fn tokens_wear_out_and_are_renewed() {
    let site = site(Faults::none().tokens_last(2)).await;
    let client = Client::signed_in(&site).await;
    let statuses = [
        client.get("/v1/account").await.status,
        client.get("/v1/account").await.status,
        client.get("/v1/account").await.status,
    ];
    assert_eq!(statuses, [200, 200, 401]);
    let renewed = Client::signed_in(&site).await;
    assert_ne!(renewed.token, client.token);
    assert_eq!(renewed.get("/v1/account").await.status, 200);
    assert_eq!(site.requests().answered(Route::Session, 200), 2);
}

#[tokio::test]
async fn a_right_password_can_be_refused() {
    let site = site(Faults::none().on(Route::Session, ..=1, Fault::RefuseLogin)).await;
    let stranger = Client::stranger(&site);
    assert_eq!(stranger.sign_in("demo-password").await.status, 401);
    assert_eq!(stranger.sign_in("demo-password").await.status, 200);
}

#[tokio::test]
async fn the_demo_is_throttled_for_a_moment_and_loses_nothing() {
    let site = site(Faults::throttled_moment()).await;
    let client = Client::signed_in(&site).await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(first_page(&client, &site).await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429, 429, 200, 200]);
}
