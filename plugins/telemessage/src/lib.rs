//! Source plugin `telemessage`: pulls what a TeleMessage account archived, window by window.
//!
//! The vendor publishes no pull API. What this plugin speaks is Chancery's own contract, written down in
//! `README.md` next to this crate and answered by a gateway in front of the organisation's account.
//!
//! One page goes `pull -> site -> wire -> item`: [`pull`] is the journey, [`site`] asks and [`answer`] judges what came
//! back, [`wire`] is the JSON, [`item`] makes a contract item of one delivery, [`identity`] says who and where,
//! [`tables`] numbers people and conversations. Architecture invariant: nothing here knows a password or a token;
//! requests name the credential `telemessage` and the host does the rest.

mod account;
mod answer;
mod archivers;
mod attachment;
#[cfg(target_family = "wasm")]
mod component;
mod cursor;
mod describe;
mod identity;
mod item;
mod limits;
mod pull;
mod settings;
mod site;
mod wire;

use kit::{
    Descriptor, Error, Host, Person, Source, Window,
    source::{Account, Counts, Page, PullRequest},
};

use crate::settings::Settings;

/// The plugin's logic.
#[derive(Clone, Copy, Debug)]
pub struct Telemessage;

impl Source for Telemessage {
    fn describe() -> Descriptor {
        describe::descriptor()
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        account::check(host, &Settings::parse(settings)?)
    }

    fn roster(host: &mut dyn Host, settings: &str) -> Result<Option<Vec<Person>>, Error> {
        account::roster(host, &Settings::parse(settings)?).map(Some)
    }

    fn totals(host: &mut dyn Host, settings: &str, _account: &str, window: Window) -> Result<Option<Counts>, Error> {
        account::totals(host, &Settings::parse(settings)?, window).map(Some)
    }

    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error> {
        pull::pull(host, &Settings::parse(settings)?, &request)
    }
}
