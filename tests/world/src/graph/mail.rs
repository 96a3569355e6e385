//! What is done to a mailbox, and to the directory.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::answer::{Ask, Reply, decoded};
use super::faults::GraphRoute;
use super::filter::{self, Clause};
use super::store::{GraphAttachment, GraphMessage, Session, long_id, normal_id, shown};
use super::{GraphUser, Shared, State};

/// Attachments of this size and more may have a session. Whether "3 MB" are binary is not documented: both are taken.
const SESSION_FROM_BYTES: u64 = 3_000_000;
/// Attachments of this size and more need one.
const POST_BYTES_MAX: u64 = 3 << 20;
/// The most bytes of one range of an upload.
const RANGE_BYTES_MAX: usize = 4 << 20;
/// Every range but the last is a multiple of this.
const RANGE_STEP_BYTES: usize = 320 << 10;
/// The most bytes of an attachment.
const ATTACHMENT_BYTES_MAX: u64 = 150 << 20;
/// The most internet headers a message may be given.
const HEADERS_MAX: usize = 5;
/// Users and messages of a page.
const PAGE_DEFAULT: usize = 10;

/// `GET /v1.0/users`
pub(super) fn users(shared: &Shared, ask: &Ask) -> Reply {
    if !shared.options.roles.iter().any(|role| role == "User.Read.All" || role == "Directory.Read.All") {
        return Reply::error(403, "Authorization_RequestDenied");
    }
    let clauses = match ask.query.get("$filter").map(|text| filter::parse(text)) {
        Some(None) => return Reply::error(400, "Request_UnsupportedQuery"),
        Some(Some(clauses)) => Some(clauses),
        None => None,
    };
    let fits = |user: &&GraphUser| clauses.as_ref().is_none_or(|clauses| clauses.iter().any(|clause| is(user, clause)));
    let found: Vec<Value> = shared.options.users.iter().filter(fits).map(entry).collect();
    page(shared, ask, "/v1.0/users", found)
}

fn is(user: &GraphUser, clause: &Clause) -> bool {
    match clause {
        Clause::Is(name, value) if name == "mail" => {
            user.mail.as_deref().is_some_and(|mail| mail.eq_ignore_ascii_case(value))
        }
        Clause::Is(name, value) if name == "userPrincipalName" => user.principal.eq_ignore_ascii_case(value),
        Clause::AnyProxy(value) => user.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(value)),
        Clause::Is(..) | Clause::Property(..) => false,
    }
}

fn entry(user: &GraphUser) -> Value {
    json!({ "id": user.id, "userPrincipalName": user.principal, "mail": user.mail, "proxyAddresses": user.proxies })
}

/// One page of a listing, with a link to the next.
fn page(shared: &Shared, ask: &Ask, path: &str, all: Vec<Value>) -> Reply {
    let number = |name: &str| ask.query.get(name).and_then(|text| text.parse::<usize>().ok());
    let (skip, top) = (number("$skip").unwrap_or(0), number("$top").unwrap_or(PAGE_DEFAULT).clamp(1, 999));
    let total = all.len();
    let value: Vec<Value> = all.into_iter().skip(skip).take(top).collect();
    let mut document = json!({ "value": value });
    if skip + top < total {
        let mut query = vec![format!("$skip={}", skip + top), format!("$top={top}")];
        let kept = ask.query.iter().filter(|(name, _)| !["$skip", "$top"].contains(&name.as_str()));
        query.extend(kept.map(|(name, text)| format!("{name}={}", escaped(text))));
        document["@odata.nextLink"] = Value::from(format!("{}{path}?{}", shared.url, query.join("&")));
    }
    Reply::json(200, &document)
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// A request to a mailbox that has taken its place there.
pub(super) fn act(shared: &Shared, user: &GraphUser, route: GraphRoute, ask: &Ask) -> Reply {
    let parts: Vec<String> = ask.path.trim_matches('/').split('/').skip(3).map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut state = shared.state();
    match (route, parts.as_slice()) {
        (GraphRoute::Folders, _) => folders(shared, &mut state, user, ask),
        (GraphRoute::MakeFolder, _) => make_folder(&mut state, user, ask),
        (GraphRoute::Create, ["mailFolders", folder, _]) => create(&mut state, user, Some(folder), ask),
        (GraphRoute::Create, _) => create(&mut state, user, None, ask),
        (GraphRoute::Messages, ["mailFolders", folder, _]) => messages(shared, &mut state, user, Some(folder), ask),
        (GraphRoute::Messages, _) => messages(shared, &mut state, user, None, ask),
        (GraphRoute::Delete, [_, id]) => {
            let removed = state.mailboxes.get_mut(&user.id).is_some_and(|mailbox| mailbox.remove(id));
            if removed { Reply::empty(204) } else { Reply::error(404, "ErrorItemNotFound") }
        }
        (_, [_, id, rest @ ..]) => {
            let size = state.mailboxes.get(&user.id).map_or(0, |mailbox| mailbox.bytes);
            let serial = state.next_serial();
            let Some(message) = state.mailboxes.get_mut(&user.id).and_then(|mailbox| mailbox.find(id)) else {
                return Reply::error(404, "ErrorItemNotFound");
            };
            match (route, rest) {
                (GraphRoute::Message, _) => one_message(message, ask),
                (GraphRoute::Attachments, ["attachments"]) => attachments(message),
                (GraphRoute::Attachments, [_, number, _]) => attachment_value(message, number),
                (GraphRoute::Attach, _) => attach(message, ask),
                (GraphRoute::Session, _) => {
                    let message = message.id.clone();
                    open_session(shared, &mut state, user, message, serial, size, ask)
                }
                _ => Reply::error(404, "BadRequest"),
            }
        }
        _ => Reply::error(404, "BadRequest"),
    }
}

fn folders(shared: &Shared, state: &mut State, user: &GraphUser, ask: &Ask) -> Reply {
    let wanted = match ask.query.get("$filter").map(|text| filter::parse(text)) {
        None => None,
        Some(Some(clauses)) => Some(clauses),
        Some(None) => return Reply::error(400, "ErrorInvalidUrlQueryFilter"),
    };
    let fits = |name: &str| {
        let is = |clause: &Clause| matches!(clause, Clause::Is(key, value) if key == "displayName" && value.eq_ignore_ascii_case(name));
        wanted.as_ref().is_none_or(|clauses| clauses.iter().any(is))
    };
    let mailbox = state.mailboxes.entry(user.id.clone()).or_default();
    let mut all = vec![("inbox-folder".to_owned(), "Inbox".to_owned())];
    all.extend(mailbox.folder_names().into_iter().filter_map(|name| Some((mailbox.folder(&name)?.0.to_owned(), name))));
    let found = all.into_iter().filter(|(_, name)| fits(name));
    let found = found.map(|(id, name)| json!({ "id": id, "displayName": name })).collect();
    page(shared, ask, &format!("/v1.0/users/{}/mailFolders", user.id), found)
}

fn make_folder(state: &mut State, user: &GraphUser, ask: &Ask) -> Reply {
    let document: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
    let Some(name) = document["displayName"].as_str().filter(|name| !name.is_empty()) else {
        return Reply::error(400, "ErrorInvalidRequest");
    };
    let serial = state.next_serial();
    let mailbox = state.mailboxes.entry(user.id.clone()).or_default();
    if name.eq_ignore_ascii_case("Inbox") || mailbox.folder(name).is_some() {
        return Reply::error(409, "ErrorFolderExists");
    }
    let id = mailbox.make_folder(name, serial);
    Reply::json(201, &json!({ "id": id, "displayName": name }))
}

fn create(state: &mut State, user: &GraphUser, folder: Option<&str>, ask: &Ask) -> Reply {
    let serial = state.next_serial();
    let mailbox = state.mailboxes.entry(user.id.clone()).or_default();
    let folder = match folder.map(|folder| mailbox.folder(folder)) {
        None => "Drafts".to_owned(),
        Some(Some((_, name))) => name.to_owned(),
        Some(None) => return Reply::error(404, "ErrorItemNotFound"),
    };
    let message = if ask.content_type.starts_with("text/plain") {
        // MIME is taken, and becomes a draft whatever it says.
        let Ok(mime) = STANDARD.decode(&ask.body) else {
            return Reply::error(400, "ErrorMimeContentInvalidBase64String");
        };
        let json = json!({ "mime": String::from_utf8_lossy(&mime) });
        GraphMessage {
            id: long_id('M', serial),
            mailbox: String::new(),
            folder,
            is_draft: true,
            json,
            properties: BTreeMap::new(),
            attachments: Vec::new(),
        }
    } else {
        match from_json(&ask.body, folder, serial) {
            Ok(message) => message,
            Err(code) => return Reply::error(400, code),
        }
    };
    let bytes = ask.body.len() as u64;
    if user.quota_bytes.is_some_and(|quota| mailbox.bytes + bytes > quota) {
        return Reply::error(507, "ErrorQuotaExceeded");
    }
    mailbox.bytes += bytes;
    let reply = Reply::json(201, &shown(&message, ask.immutable, &[]));
    mailbox.keep(message);
    reply
}

fn from_json(body: &[u8], folder: String, serial: u64) -> Result<GraphMessage, &'static str> {
    let mut json: Value = serde_json::from_slice(body).map_err(|_| "UnableToDeserializePostBody")?;
    let members = json.as_object_mut().ok_or("UnableToDeserializePostBody")?;
    let headers = members.get("internetMessageHeaders").and_then(Value::as_array).cloned().unwrap_or_default();
    if headers.len() > HEADERS_MAX {
        return Err("InvalidInternetMessageHeaderCollection");
    }
    if !headers.iter().all(|header| header["name"].as_str().is_some_and(|name| name.to_lowercase().starts_with("x-"))) {
        return Err("InvalidInternetMessageHeader");
    }
    let mut properties = BTreeMap::new();
    for property in
        members.remove("singleValueExtendedProperties").as_ref().and_then(Value::as_array).into_iter().flatten()
    {
        let (Some(id), Some(value)) = (property["id"].as_str(), property["value"].as_str()) else {
            return Err("ErrorInvalidExtendedProperty");
        };
        properties.insert(normal_id(id), value.to_owned());
    }
    let mut attachments = Vec::new();
    for attachment in members.remove("attachments").as_ref().and_then(Value::as_array).into_iter().flatten() {
        attachments.push(file(attachment)?);
    }
    let flags = properties.get("integer 0xe07").and_then(|value| value.parse::<u32>().ok());
    Ok(GraphMessage {
        id: long_id('M', serial),
        mailbox: String::new(),
        folder,
        // Without the flags, or with the one that says unsent, it is a draft.
        is_draft: flags.is_none_or(|flags| flags & 8 != 0),
        json,
        properties,
        attachments,
    })
}

fn file(attachment: &Value) -> Result<GraphAttachment, &'static str> {
    if attachment["@odata.type"] != "#microsoft.graph.fileAttachment" {
        return Err("ErrorInvalidAttachment");
    }
    let bytes = attachment["contentBytes"].as_str().and_then(|text| STANDARD.decode(text).ok());
    let bytes =
        bytes.filter(|bytes| (bytes.len() as u64) < POST_BYTES_MAX).ok_or("ErrorAttachmentSizeLimitExceeded")?;
    Ok(GraphAttachment {
        name: attachment["name"].as_str().ok_or("ErrorRequiredPropertyMissing")?.to_owned(),
        content_type: attachment["contentType"].as_str().unwrap_or("application/octet-stream").to_owned(),
        bytes,
    })
}

fn messages(shared: &Shared, state: &mut State, user: &GraphUser, folder: Option<&str>, ask: &Ask) -> Reply {
    let mailbox = state.mailboxes.entry(user.id.clone()).or_default();
    let folder = match folder.map(|folder| mailbox.folder(folder)) {
        None => None,
        Some(Some((_, name))) => Some(name.to_owned()),
        Some(None) => return Reply::error(404, "ErrorItemNotFound"),
    };
    let clauses = match ask.query.get("$filter").map(|text| filter::parse(text)) {
        None => None,
        Some(Some(clauses)) => Some(clauses),
        Some(None) => return Reply::error(400, "ErrorInvalidUrlQueryFilter"),
    };
    let expand = expanded(ask);
    let found = mailbox.select(folder.as_deref(), clauses.as_deref());
    let show = |message: &GraphMessage| {
        let mut value = shown(message, ask.immutable, &expand);
        value["parentFolderId"] = Value::from(mailbox.folder_id(&message.folder));
        value
    };
    let found = found.into_iter().map(show).collect();
    page(shared, ask, &ask.path, found)
}

/// The extended properties that `$expand` asks for.
fn expanded(ask: &Ask) -> Vec<String> {
    let expand = ask.query.get("$expand").map(String::as_str).unwrap_or_default();
    if !expand.starts_with("singleValueExtendedProperties($filter=") {
        return Vec::new();
    }
    expand.split('\'').skip(1).step_by(2).map(normal_id).collect()
}

fn one_message(message: &mut GraphMessage, ask: &Ask) -> Reply {
    if ask.method == axum::http::Method::PATCH {
        // The flags are those of the creation; a change of them says 200 and does nothing.
        let change: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
        for (key, value) in change.as_object().into_iter().flatten() {
            if !["isDraft", "singleValueExtendedProperties", "id"].contains(&key.as_str()) {
                message.json[key] = value.clone();
            }
        }
    }
    Reply::json(200, &shown(message, ask.immutable, &expanded(ask)))
}

fn attachments(message: &GraphMessage) -> Reply {
    let entries = message.attachments.iter().enumerate().map(|(number, file)| {
        // The real one's size is that of the stored object, a little more than the file's.
        json!({ "id": format!("att{number}"), "name": file.name, "contentType": file.content_type, "size": file.bytes.len() + 234 })
    });
    Reply::json(200, &json!({ "value": entries.collect::<Vec<_>>() }))
}

fn attachment_value(message: &GraphMessage, id: &str) -> Reply {
    let number = id.strip_prefix("att").and_then(|number| number.parse::<usize>().ok());
    match number.and_then(|number| message.attachments.get(number)) {
        Some(file) => Reply { body: file.bytes.clone(), ..Reply::empty(200) },
        None => Reply::error(404, "ErrorItemNotFound"),
    }
}

fn attach(message: &mut GraphMessage, ask: &Ask) -> Reply {
    let attachment: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
    match file(&attachment) {
        Ok(file) => {
            message.attachments.push(file);
            Reply::json(201, &json!({ "id": format!("att{}", message.attachments.len() - 1) }))
        }
        Err(code) => Reply::error(400, code),
    }
}

fn open_session(
    shared: &Shared,
    state: &mut State,
    user: &GraphUser,
    message: String,
    serial: u64,
    held_bytes: u64,
    ask: &Ask,
) -> Reply {
    let document: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
    let item = &document["AttachmentItem"];
    let (Some(name), Some(size), Some("file")) =
        (item["name"].as_str(), item["size"].as_u64(), item["attachmentType"].as_str())
    else {
        return Reply::error(400, "ErrorRequiredPropertyMissing");
    };
    if size < SESSION_FROM_BYTES {
        return Reply::error(400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize");
    }
    if size > ATTACHMENT_BYTES_MAX {
        return Reply::error(413, "ErrorMessageSizeExceeded");
    }
    if user.quota_bytes.is_some_and(|quota| held_bytes + size > quota) {
        return Reply::error(507, "ErrorQuotaExceeded");
    }
    let content_type = item["contentType"].as_str().unwrap_or("application/octet-stream").to_owned();
    let session =
        Session { user: user.id.clone(), message, name: name.to_owned(), content_type, size, bytes: Vec::new() };
    state.sessions.insert(serial, session);
    let url = format!("{}/upload/{serial}", shared.url);
    Reply::json(
        201,
        &json!({ "uploadUrl": url, "expirationDateTime": "2099-01-01T00:00:00Z", "nextExpectedRanges": ["0-"] }),
    )
}

/// `PUT /upload/{session}`: a range; `DELETE` gives the session up. The URL is the right to it.
pub(super) fn upload(shared: &Shared, ask: &Ask) -> Reply {
    let mut state = shared.state();
    let serial = ask.path.rsplit('/').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    if ask.method == axum::http::Method::DELETE {
        return if state.sessions.remove(&serial).is_some() {
            Reply::empty(204)
        } else {
            Reply::error(404, "ErrorItemNotFound")
        };
    }
    let Some(session) = state.sessions.get_mut(&serial) else { return Reply::error(404, "ErrorItemNotFound") };
    let expected = |session: &Session| json!({ "nextExpectedRanges": [session.bytes.len().to_string()] });
    let Some((start, end, total)) = ask.content_range.as_deref().and_then(range) else {
        return Reply::error(400, "InvalidContentRange");
    };
    let length = ask.body.len();
    let is_last = end + 1 == session.size;
    let right = total == session.size && end + 1 == start + length as u64 && length <= RANGE_BYTES_MAX;
    if !right || (!is_last && !length.is_multiple_of(RANGE_STEP_BYTES)) {
        return Reply::error(400, "InvalidContentRange");
    }
    if start != session.bytes.len() as u64 {
        return Reply::json(416, &expected(session));
    }
    session.bytes.extend_from_slice(&ask.body);
    if !is_last {
        return Reply::json(200, &expected(session));
    }
    let Some(session) = state.sessions.remove(&serial) else { return Reply::error(404, "ErrorItemNotFound") };
    let Some(mailbox) = state.mailboxes.get_mut(&session.user) else { return Reply::error(404, "ErrorItemNotFound") };
    mailbox.bytes += session.size;
    let Some(message) = mailbox.find(&session.message) else { return Reply::error(404, "ErrorItemNotFound") };
    let Session { name, content_type, bytes, .. } = session;
    message.attachments.push(GraphAttachment { name, content_type, bytes });
    Reply::empty(201)
}

/// `bytes 0-9/100`
fn range(text: &str) -> Option<(u64, u64, u64)> {
    let (span, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = span.split_once('-')?;
    Some((start.parse().ok()?, end.parse().ok()?, total.parse().ok()?))
}
