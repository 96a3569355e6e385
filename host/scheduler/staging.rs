//! The stage as configured: where it is, what it must keep, and what goes.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::secrets;
use crate::{
    config::{AzureAccess, Config, ProviderConfig, StoreConfig},
    item::{Content, Failure, Page, TimestampMs, time::DAY_MS},
    stage::{self, Collected, Keyring, PageName, Stage, Staging},
    state::{ConnectorState, CopyStep, ItemRow, Outcome, PageNeed},
    store::{Provider, Store, StorePlace},
};

/// Where the stage of this configuration is, with its keys; an object store is not asked anything yet.
///
/// # Errors
/// When the folder cannot be made, a key not read, or a secret is missing.
pub fn staging(config: &Config) -> Result<Staging, Failure> {
    let root = config.data_dir.join("stage");
    stage::make_root(&root)?;
    let (keys, _) = Keyring::open(&config.data_dir, &config.stage.recipients)?;
    let store = config.stage.store.as_ref().map(|typed| store(config, "[stage]", "stage", typed)).transpose()?;
    Ok(Staging { root, keys: Arc::new(keys), store })
}

/// A connector's stage.
///
/// # Errors
/// As [`staging`].
pub fn stage(config: &Config, state: &ConnectorState) -> Result<Arc<Stage>, Failure> {
    Ok(staging(config)?.open(state.name(), state.stage_key()))
}

/// An object store with its secrets: they are of `section`, and might be called `name` and something in the host's own
/// store.
pub(super) fn store(config: &Config, section: &str, name: &str, typed: &StoreConfig) -> Result<Store, Failure> {
    let secret = |key: &str, reference| {
        let name = format!("{name}-{}", key.replace('_', "-"));
        secrets::read(config, &format!("`{key}` of `{section}`"), &name, reference)
    };
    let provider = match &typed.provider {
        ProviderConfig::Azure { account, access } => {
            let (key, sas) = match access {
                AzureAccess::Key(reference) => (Some(secret("key", reference)?), None),
                AzureAccess::Sas(reference) => (None, Some(secret("sas", reference)?)),
            };
            Provider::Azure { account: account.clone(), key, sas }
        }
        ProviderConfig::S3 { region, access_key_id, secret_access_key } => Provider::S3 {
            region: region.clone(),
            access_key_id: access_key_id.clone(),
            secret_access_key: secret("secret_access_key", secret_access_key)?,
        },
        ProviderConfig::Gcs { service_account } => {
            Provider::Gcs { service_account: secret("service_account", service_account)? }
        }
    };
    let place = StorePlace {
        provider,
        container: typed.container.clone(),
        endpoint: typed.endpoint.clone(),
        prefix: typed.prefix.clone(),
    };
    Store::connect(&place, &config.network)
}

/// What the stage must keep, and why. A page whose mailboxes have a notice in place of a file is kept only while it holds
/// such a file.
///
/// # Errors
/// When the state or the stage cannot be read.
pub fn needs(
    stage: &Stage,
    state: &ConnectorState,
    now_ms: TimestampMs,
    keep_days: u32,
) -> Result<HashMap<PageName, PageNeed>, Failure> {
    let keep_ms = i64::from(keep_days) * DAY_MS;
    let mut needs: HashMap<PageName, PageNeed> = state.needed_pages(now_ms, keep_ms)?.into_iter().collect();
    if !needs.values().any(|need| *need == PageNeed::Partial) {
        return Ok(needs);
    }
    let here: HashSet<PageName> = stage.pages()?.into_iter().collect();
    for window in state.windows()? {
        if window.copies.iter().all(|copies| copies.partial == 0) {
            continue;
        }
        let settled_at_ms = window.sealed_at_ms.or(window.closed_at_ms);
        let until_ms = settled_at_ms.map(|at_ms| at_ms.saturating_add(keep_ms)).filter(|at_ms| *at_ms > now_ms);
        for row in state.pages(window.id)? {
            if needs.get(&row.page_name) != Some(&PageNeed::Partial) {
                continue;
            }
            let is_kept = here.contains(&row.page_name) && {
                let page = stage.read_page(&row.page_name)?;
                left_out(&page, &state.page_items(window.id, row.seq)?, state)?
            };
            match until_ms {
                _ if is_kept => {}
                Some(until_ms) => drop(needs.insert(row.page_name, PageNeed::Until(until_ms))),
                None => drop(needs.remove(&row.page_name)),
            }
        }
    }
    Ok(needs)
}

/// Whether a page holds a file of an item that some mailbox has only in part. Where another file of such an item is
/// what is missing, this one is kept too: which of them was left out is not recorded.
fn left_out(page: &Page, rows: &[ItemRow], state: &ConnectorState) -> Result<bool, Failure> {
    let is_partial = |row: &&ItemRow| row.copies.iter().any(|copy| copy.state == CopyStep::Done(Outcome::Partial));
    for row in rows.iter().filter(is_partial) {
        let attachments = page.items.get(row.position as usize).map_or(&[][..], |item| &item.attachments);
        let has_file = attachments.iter().any(|attachment| matches!(attachment.content, Content::Present(_)));
        // What was erased is not to be found here either.
        if has_file && state.item_private(row.ordinal)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Deletes what nothing needs any more.
///
/// # Errors
/// As [`needs`].
pub fn collect(
    stage: &Stage,
    state: &ConnectorState,
    now_ms: TimestampMs,
    keep_days: u32,
) -> Result<Collected, Failure> {
    stage.collect(&keep(&needs(stage, state, now_ms, keep_days)?))
}

/// What the stage is told of it: all but what is only kept for some days must be there.
pub fn keep(needs: &HashMap<PageName, PageNeed>) -> HashMap<PageName, bool> {
    needs.iter().map(|(name, need)| (*name, !matches!(need, PageNeed::Until(_)))).collect()
}
