//! What goes to and fro, to be kept and to be answered from: how sources that ask over HTTP are tried without their other
//! side.
//!
//! What is kept is what the guest sees: without what the host attaches to a request, and without secrets in an answer.

use std::{fmt, sync::Arc};

use url::Url;

use super::{Egress, Hop, headers};
use crate::{
    item::{Failure, NextMove},
    network::no_answer,
};

/// An answer that is held whole, for a witness.
const HELD_BYTES_MAX: u64 = 64 << 20;

/// A request, without what the host attaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// In capitals.
    pub method: String,
    /// Whole, with its query.
    pub url: String,
    /// Empty when there is none.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As bytes.
    pub body: Vec<u8>,
}

/// Answers in place of the network.
pub trait Upstream: Send + Sync + fmt::Debug {
    /// The answer.
    ///
    /// # Errors
    /// That none comes.
    fn answer(&self, asked: &Asked) -> Result<Told, Failure>;
}

/// Is told of every request that was answered.
pub trait Witness: Send + Sync + fmt::Debug {
    /// This was asked, and this is what the guest was told.
    fn heard(&self, asked: Asked, told: Told);
}

impl Egress {
    /// A gate to nothing but `upstream`, which stands for every origin. Credentials are taken to be there, and nothing is
    /// attached.
    pub fn replayed(upstream: Arc<dyn Upstream>) -> Self {
        Self { upstream: Some(upstream), ..Self::closed() }
    }

    /// Tells `witness` what goes to and fro. Answers are held in memory for that, whole.
    #[must_use]
    pub fn witnessed(self, witness: Arc<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// One hop, answered by whoever stands for the other side.
    pub(super) async fn exchange(&self, hop: &Hop<'_>) -> Result<reqwest::Response, Failure> {
        // Turns have neither, and copy nothing.
        let asked = || Asked {
            method: hop.method.as_str().to_owned(),
            url: self.scrub.text(hop.url.as_str()),
            body: hop.body.as_deref().unwrap_or_default().to_vec(),
        };
        if let Some(upstream) = &self.upstream {
            return response(upstream.answer(&asked())?);
        }
        let mut answer = self.ask(hop).await?;
        let Some(witness) = &self.witness else { return Ok(answer) };
        let (status, headers) = (answer.status().as_u16(), headers::response(answer.headers(), &self.scrub));
        let place = hop.origin.to_string();
        let mut body = Vec::new();
        // Whatever length it announces, or none.
        while let Some(part) = answer.chunk().await.map_err(|error| no_answer(&place, &error))? {
            if (body.len() + part.len()) as u64 > HELD_BYTES_MAX {
                let message = format!(
                    "an answer of `{place}` has more than the {} bytes that are held to be shown",
                    HELD_BYTES_MAX
                );
                return Err(Failure::new("no-answer", NextMove::AskPerson, message)
                    .hint("choose a window without so large a file"));
            }
            body.extend_from_slice(&part);
        }
        let told = Told { status, headers, body: self.scrub.body(body) };
        witness.heard(asked(), told.clone());
        response(told)
    }
}

/// The answer as the network would bring it.
fn response(told: Told) -> Result<reqwest::Response, Failure> {
    let mut response = http::Response::builder().status(told.status);
    for (name, value) in &told.headers {
        response = response.header(name, value);
    }
    let malformed =
        |error| Failure::new("no-answer", NextMove::Retry { after: None }, format!("an answer is none: {error}"));
    Ok(response.body(told.body).map_err(malformed)?.into())
}

/// An address without what may name people: its query.
pub fn without_query(url: &str) -> String {
    Url::parse(url).map_or_else(
        |_| "an address that is none".to_owned(),
        |mut url| {
            url.set_query(None);
            url.to_string()
        },
    )
}
