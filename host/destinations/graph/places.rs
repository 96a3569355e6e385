//! Where copies go: the directory's people, and the folder in each mailbox.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::Client,
    cloud::{escaped, literal},
    verdict::{Verdict, code, judge},
};
use crate::{
    destinations::{Mailboxes, directory::canonical},
    item::{Failure, NextMove, limits},
};

/// Addresses asked for in one request: three clauses each, of the fifteen that a filter may have.
const ADDRESSES_PER_REQUEST: usize = 5;
/// Pages of one answer that are followed.
const PAGES_MAX: usize = 20;

/// Somebody in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Object id: what Graph's paths take besides the principal name.
    id: String,
    /// Primary address, lower case.
    mail: String,
}

/// Finds people and folders, and remembers them.
#[derive(Default)]
pub(super) struct Places {
    entries: Mutex<HashMap<String, Option<Arc<Entry>>>>,
    folders: Mutex<HashMap<Arc<str>, Arc<str>>>,
}

impl Places {
    /// For each address the mailbox's canonical address.
    pub(super) async fn lookup(
        &self,
        client: &Client,
        mailboxes: &Mailboxes,
        addresses: &[String],
    ) -> Result<Vec<Option<String>>, Failure> {
        if *mailboxes != Mailboxes::Existing {
            return Ok(addresses.iter().map(|address| mailboxes.find(address, |_| false)).collect());
        }
        let found = self.find(client, addresses).await?;
        Ok(found.into_iter().map(|entry| entry.map(|entry| entry.mail.clone())).collect())
    }

    /// How a mailbox is named in a path: by object id when the directory is asked, else by its address, which must be
    /// the principal name then. None when the directory does not know it any more.
    pub(super) async fn user(
        &self,
        client: &Client,
        mailboxes: &Mailboxes,
        mailbox: &str,
    ) -> Result<Option<String>, Failure> {
        if *mailboxes != Mailboxes::Existing {
            return Ok(Some(format!("/users/{}", escaped(mailbox))));
        }
        let found = self.find(client, &[mailbox.to_owned()]).await?.pop().flatten();
        Ok(found.map(|entry| format!("/users/{}", escaped(&entry.id))))
    }

    async fn find(&self, client: &Client, addresses: &[String]) -> Result<Vec<Option<Arc<Entry>>>, Failure> {
        let keys: Vec<Option<String>> = addresses.iter().map(|address| canonical(address)).collect();
        let unknown: BTreeSet<String> = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            if entries.len() > limits::GRAPH_DIRECTORY_MAX {
                entries.clear();
            }
            keys.iter().flatten().filter(|key| !entries.contains_key(*key)).cloned().collect()
        };
        let unknown: Vec<String> = unknown.into_iter().collect();
        let mut answers: HashMap<String, Option<Arc<Entry>>> = HashMap::new();
        for some in unknown.chunks(ADDRESSES_PER_REQUEST) {
            let found = users(client, some).await?;
            answers.extend(some.iter().map(|key| (key.clone(), None)));
            for user in &found {
                let Some(entry) = entry(user) else { continue };
                for name in names(user) {
                    if let Some(place) = answers.get_mut(&name) {
                        *place = Some(Arc::clone(&entry));
                    }
                }
            }
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let found = keys.iter().map(|key| {
            let key = key.as_ref()?;
            answers.get(key).or_else(|| entries.get(key)).cloned().flatten()
        });
        let found = found.collect();
        entries.extend(answers);
        Ok(found)
    }

    /// The folder's id, made when it is missing and `make` says so. A slash or umlaut is part of its name.
    pub(super) async fn folder(
        &self,
        client: &Client,
        mailbox: &Arc<str>,
        user: &str,
        name: &str,
        make: bool,
    ) -> Result<Result<Option<Arc<str>>, Verdict>, Failure> {
        let known = self.folders.lock().unwrap_or_else(PoisonError::into_inner).get(mailbox).cloned();
        if known.is_some() {
            return Ok(Ok(known));
        }
        let path = format!("{user}/mailFolders");
        let query = format!("{path}?$filter=displayName%20eq%20{}&$select=id,displayName", literal(name));
        let mut id = None;
        for may_make in [make, false] {
            let (answer, verdict) = client.ask(mailbox, Method::GET, &query, None).await?;
            if verdict != Verdict::Done {
                return Ok(Err(verdict));
            }
            id = answer.json()["value"][0]["id"].as_str().map(Arc::from);
            if id.is_some() || !may_make {
                break;
            }
            let body = json!({ "displayName": name }).to_string().into_bytes();
            let (answer, verdict) = client.ask(mailbox, Method::POST, &path, Some(body)).await?;
            match (answer.status, verdict) {
                (_, Verdict::Done) => {
                    id = answer.json()["id"].as_str().map(Arc::from);
                    break;
                }
                // Somebody else made it meanwhile: it is found now.
                (409, _) => {}
                (_, verdict) => return Ok(Err(verdict)),
            }
        }
        if let Some(id) = &id {
            let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            if folders.len() >= limits::GRAPH_FOLDERS_MAX {
                folders.clear();
            }
            folders.insert(Arc::clone(mailbox), Arc::clone(id));
        }
        Ok(Ok(id))
    }

    /// Forgets a folder that is not there any more.
    pub(super) fn forget_folder(&self, mailbox: &Arc<str>) {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).remove(mailbox);
    }
}

/// The directory's entries for these addresses.
async fn users(client: &Client, addresses: &[String]) -> Result<Vec<Value>, Failure> {
    let clauses: Vec<String> = addresses
        .iter()
        .flat_map(|address| {
            let plain = literal(address);
            let proxy = literal(&format!("smtp:{address}"));
            [
                format!("mail%20eq%20{plain}"),
                format!("userPrincipalName%20eq%20{plain}"),
                format!("proxyAddresses/any(p:p%20eq%20{proxy})"),
            ]
        })
        .collect();
    let select = "id,mail,userPrincipalName,proxyAddresses";
    let mut path = format!("/users?$filter={}&$select={select}&$top=100", clauses.join("%20or%20"));
    let mut found = Vec::new();
    for _ in 0..PAGES_MAX {
        let answer = client.send(Method::GET, &path, None, limits::GRAPH_ANSWER_BYTES_MAX).await?;
        let code = code(&answer.body);
        match judge("the directory", answer.status, &code, answer.retry_after) {
            Verdict::Done => {}
            Verdict::Throttled(after) => {
                let message = "the directory of Microsoft Graph asks to wait";
                return Err(Failure::new("destination-throttled", NextMove::Retry { after }, message));
            }
            Verdict::Unknown(failure) => return Err(failure),
            _ => {
                let message =
                    format!("the directory cannot be read: Microsoft Graph answers {} `{code}`", answer.status);
                return Err(Failure::new("directory-denied", NextMove::AskPerson, message).hint(
                    "give the application `User.Read.All` with admin consent, or list the mailboxes: `mailboxes = { domains = […] }`",
                ));
            }
        }
        let mut document = answer.json();
        if let Value::Array(users) = document["value"].take() {
            found.extend(users);
        }
        match document["@odata.nextLink"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    Ok(found)
}

/// Somebody with a mailbox.
fn entry(user: &Value) -> Option<Arc<Entry>> {
    let mail = user["mail"].as_str().filter(|mail| !mail.is_empty())?.to_lowercase();
    Some(Arc::new(Entry { id: user["id"].as_str()?.to_owned(), mail }))
}

/// Every address by which somebody is known, lower case.
fn names(user: &Value) -> Vec<String> {
    let plain = ["mail", "userPrincipalName"].into_iter().filter_map(|key| user[key].as_str()).map(str::to_lowercase);
    let proxies = user["proxyAddresses"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let proxies = proxies.filter_map(|proxy| proxy.to_lowercase().strip_prefix("smtp:").map(str::to_owned));
    plain.chain(proxies).collect()
}
