//! The double of Microsoft Graph behaves as the real one is documented or reported to.

use serde_json::{Value, json};
use world::{Graph, GraphOptions, GraphUser};

use crate::client::{Client, Reply};

const MAIL: &str = "/v1.0/users/anna@example.com";

async fn double(change: impl FnOnce(&mut GraphOptions)) -> (Graph, Client) {
    let mut options = GraphOptions { users: vec![GraphUser::simple("anna@example.com")], ..GraphOptions::default() };
    change(&mut options);
    let graph = Graph::start(options).await.unwrap();
    let mut client = Client::at(&graph.url());
    let GraphOptions { tenant, client_id, client_secret, .. } = graph.options();
    let form = format!(
        "grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    );
    let reply = client.send("POST", &format!("/{tenant}/oauth2/v2.0/token"), &form).await;
    client.token = Some(reply.json()["access_token"].as_str().unwrap().to_owned());
    client.headers = "Content-Type: application/json\r\n".to_owned();
    (graph, client)
}

async fn folder(client: &Client) -> String {
    let reply = client.send("POST", &format!("{MAIL}/mailFolders"), r#"{"displayName":"A/Ü"}"#).await;
    assert_eq!(reply.status, 201);
    reply.json()["id"].as_str().unwrap().to_owned()
}

fn code(reply: &Reply) -> String {
    reply.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

fn message(flags: &[Value]) -> String {
    json!({ "subject": "s", "internetMessageId": "<a@b>", "singleValueExtendedProperties": flags }).to_string()
}

#[tokio::test]
async fn drafts_stay_drafts() {
    let (graph, mut client) = double(|_| {}).await;
    let path = format!("{MAIL}/mailFolders/{}/messages", folder(&client).await);
    let flags = |value: &str| message(&[json!({ "id": "Integer 0x0E07", "value": value })]);
    for (body, is_draft) in [(flags("1"), false), (flags("4"), false), (flags("8"), true), (message(&[]), true)] {
        let reply = client.send("POST", &path, &body).await;
        assert_eq!((reply.status, &reply.json()["isDraft"]), (201, &Value::Bool(is_draft)), "{body}");
    }
    let id = graph.messages()[3].id.replace('=', "%3D");
    for change in [json!({ "isDraft": false }).to_string(), flags("1")] {
        let reply = client.send("PATCH", &format!("{MAIL}/messages/{id}"), &change).await;
        assert_eq!((reply.status, &reply.json()["isDraft"]), (200, &Value::Bool(true)), "it says yes and does nothing");
    }
    client.headers = "Content-Type: text/plain\r\n".to_owned();
    let reply = client.send("POST", &path, "U3ViamVjdDogeA0KDQp4").await;
    assert_eq!((reply.status, &reply.json()["isDraft"]), (201, &Value::Bool(true)), "MIME is always a draft");
}

#[tokio::test]
async fn folders_properties_and_headers_have_their_quirks() {
    let (_graph, client) = double(|_| {}).await;
    let id = folder(&client).await;
    let again = client.send("POST", &format!("{MAIL}/mailFolders"), r#"{"displayName":"a/ü"}"#).await;
    assert_eq!((again.status, code(&again).as_str()), (201, ""), "only ASCII is compared without case");
    let again = client.send("POST", &format!("{MAIL}/mailFolders"), r#"{"displayName":"A/Ü"}"#).await;
    assert_eq!((again.status, code(&again).as_str()), (409, "ErrorFolderExists"));
    let found = client.get(&format!("{MAIL}/mailFolders?$filter=displayName%20eq%20%27A%2F%C3%9C%27")).await;
    assert_eq!(found.json()["value"][0]["id"], id);

    let path = format!("{MAIL}/mailFolders/{id}/messages");
    let property = json!({ "id": "String {6d1ccd8c-0d1b-4c1c-9a53-5e0b8f0c2a71} Name K", "value": "abCD" });
    client.send("POST", &path, &message(&[property])).await;
    let query = "$filter=singleValueExtendedProperties/Any(ep:%20ep/id%20eq%20%27String%20%7B6D1CCD8C-0d1b-4c1c-9a53-5e0b8f0c2a71%7D%20Name%20K%27%20and%20ep/value%20eq%20%27ABcd%27)";
    let found = client.get(&format!("{MAIL}/messages?{query}")).await.json();
    assert_eq!(found["value"].as_array().unwrap().len(), 1, "values are compared without case");
    for (headers, expected) in [(5, 201), (6, 400)] {
        let headers: Vec<Value> = (0..headers).map(|n| json!({ "name": format!("x-{n}"), "value": "1" })).collect();
        let reply = client.send("POST", &path, &json!({ "internetMessageHeaders": headers }).to_string()).await;
        assert_eq!(reply.status, expected);
    }
    let reply = client.send("POST", &path, r#"{"internetMessageHeaders":[{"name":"List-Id","value":"1"}]}"#).await;
    assert_eq!(code(&reply), "InvalidInternetMessageHeader");
    assert_eq!(client.get("/v1.0/users/ben@example.com/messages").await.status, 404);
}

#[tokio::test]
async fn batches_are_counted_one_by_one_and_pages_have_links() {
    let (graph, client) = double(|options| options.requests_max = 10).await;
    let request =
        |n: usize| json!({ "id": n.to_string(), "method": "GET", "url": "/users/anna@example.com/mailFolders" });
    let batch = |count: usize| json!({ "requests": (0..count).map(request).collect::<Vec<_>>() }).to_string();
    assert_eq!(client.send("POST", "/v1.0/$batch", &batch(21)).await.status, 400);
    let reply = client.send("POST", "/v1.0/$batch", &batch(12)).await.json();
    let statuses: Vec<u64> =
        reply["responses"].as_array().unwrap().iter().map(|response| response["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 2, "{statuses:?}");
    assert!((2..=4).contains(&graph.at_once_peak()), "{}", graph.at_once_peak());

    let people = |options: &mut GraphOptions| {
        options.users = (0..25).map(|n| GraphUser::simple(&format!("u{n}@example.com"))).collect();
    };
    let (graph, client) = double(people).await;
    let mut path = "/v1.0/users?$top=10".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = client.get(&path).await.json();
        pages.push(page["value"].as_array().unwrap().len());
        match page["@odata.nextLink"].as_str() {
            Some(next) => path = next.strip_prefix(&graph.url()).unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(pages, [10, 10, 5]);
}

#[tokio::test]
async fn large_files_need_ranges_in_order() {
    let (graph, mut client) = double(|_| {}).await;
    let path = format!("{MAIL}/mailFolders/{}/messages", folder(&client).await);
    let id = client.send("POST", &path, &message(&[])).await.json()["id"].as_str().unwrap().replace('=', "%3D");
    let open =
        |size: u64| json!({ "AttachmentItem": { "attachmentType": "file", "name": "a", "size": size } }).to_string();
    let session = format!("{MAIL}/messages/{id}/attachments/createUploadSession");
    assert_eq!(
        code(&client.send("POST", &session, &open(1_000)).await),
        "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"
    );
    let size = 10 * (320 << 10) + 5;
    let reply = client.send("POST", &session, &open(size)).await.json();
    let url = reply["uploadUrl"].as_str().unwrap().strip_prefix(&graph.url()).unwrap().to_owned();
    client.token = None;
    let first = "x".repeat(10 * (320 << 10));
    let put = async |client: &mut Client, range: &str, body: &str| {
        client.headers = format!("Content-Range: bytes {range}/{size}\r\n");
        client.send("PUT", &url, body).await.status
    };
    assert_eq!(put(&mut client, "0-9", "0123456789").await, 400, "no multiple of 320 KiB");
    assert_eq!(put(&mut client, &format!("0-{}", first.len() - 1), &first).await, 200);
    assert_eq!(put(&mut client, &format!("0-{}", first.len() - 1), &first).await, 416, "it has that already");
    assert_eq!(put(&mut client, &format!("{}-{}", first.len(), size - 1), "12345").await, 201);
    assert_eq!(graph.messages()[0].attachments[0].bytes.len() as u64, size);
    assert_eq!(graph.open_sessions(), 0);
}
