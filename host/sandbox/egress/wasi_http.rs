//! `wasi:http/outgoing-handler` through the same gate, for sources whose language has an HTTP client already. It cannot
//! name a credential: who needs one uses `http.send`.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use http_body_util::{BodyExt as _, Limited};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::{Answer, Egress, Outgoing};
use crate::item::{Failure, limits};

type Outcome<T> = Box<dyn Future<Output = Result<T, Error>> + Send>;
/// The part of an exchange that goes on beside the body; ours is none.
type Beside = Outcome<()>;

/// Hands `wasi:http` requests to the gate, counting them, and remembers what the host refused: `wasi:http` has an
/// error for it, but no room for the line that would allow it.
#[derive(Debug)]
pub(in super::super) struct Hooks {
    egress: Arc<Egress>,
    sent: AtomicU32,
    sent_max: u32,
    refusal: Arc<Mutex<Option<Failure>>>,
}

impl Hooks {
    pub(in super::super) fn new(egress: Arc<Egress>, sent_max: u32) -> Self {
        Self { egress, sent: AtomicU32::new(0), sent_max, refusal: Arc::default() }
    }

    /// Begins a call: limits are per call.
    pub(in super::super) fn begin(&self) {
        self.sent.store(0, Ordering::Relaxed);
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// What the host last refused in this call.
    pub(in super::super) fn refusal(&self) -> Option<Failure> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl WasiHttpHooks for Hooks {
    // What wasmtime does not forbid of the host's header fields (`content-length`) is left out by the gate: common
    // clients set them and would not expect an error.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _beside: Beside,
    ) -> Outcome<(http::Response<WasiBody>, Beside)> {
        let (egress, refusal) = (Arc::clone(&self.egress), Arc::clone(&self.refusal));
        let over = self.sent.fetch_add(1, Ordering::Relaxed) >= self.sent_max;
        Box::new(async move {
            if over {
                return Err(Error::ConnectionLimitReached);
            }
            let outgoing = outgoing(request).await?;
            let first_byte = options.and_then(|options| options.first_byte_timeout).unwrap_or(limits::CALL_TIME_MAX);
            let answer = tokio::time::timeout(first_byte, egress.send(outgoing)).await;
            match answer.map_err(|_| Error::ConnectionTimeout)? {
                Ok(answer) => Ok((response(answer)?, Box::new(async { Ok(()) }) as Beside)),
                Err(failure) => {
                    let error = in_wasi_words(&failure);
                    *refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                    Err(error)
                }
            }
        })
    }
}

async fn outgoing(request: http::Request<WasiBody>) -> Result<Outgoing, Error> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, limits::REQUEST_BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|_| Error::HttpRequestBodySize(None))?.to_bytes();
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = value.to_str().map_err(|_| Error::HttpProtocolError)?;
        Ok((name.as_str().to_owned(), value.to_owned()))
    };
    Ok(Outgoing {
        method: parts.method.as_str().to_owned(),
        url: parts.uri.to_string(),
        headers: parts.headers.iter().map(header).collect::<Result<_, Error>>()?,
        body: (!body.is_empty()).then(|| body.to_vec()),
        credential: None,
    })
}

/// The body streams: only what the guest reads is fetched.
fn response(answer: Answer) -> Result<http::Response<WasiBody>, Error> {
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = answer.into_body().map_err(|_| Error::HttpResponseIncomplete).boxed_unsync();
    response.body(body).map_err(|_| Error::HttpProtocolError)
}

fn in_wasi_words(failure: &Failure) -> Error {
    match failure.code.as_str() {
        "egress-denied" => Error::HttpRequestDenied,
        "no-answer" => Error::DestinationUnavailable,
        "certificate-untrusted" => Error::TlsCertificateError,
        "redirect-loop" => Error::LoopDetected,
        "request-malformed" => Error::HttpProtocolError,
        _ => Error::InternalError(Some(failure.code.clone())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use http_body_util::Full;

    use super::*;

    async fn send(hooks: &mut Hooks, url: &str) -> Result<u16, Error> {
        let body = Full::new(bytes::Bytes::from_static(b"text")).map_err(|never| match never {}).boxed_unsync();
        let request = http::Request::builder().method("POST").uri(url).body(body).unwrap();
        let sent = hooks.send_request(request, None, Box::new(async { Ok(()) }));
        Box::into_pin(sent).await.map(|(response, _)| response.status().as_u16())
    }

    #[tokio::test]
    async fn wasi_http_passes_the_same_gate_and_its_refusals_are_remembered() {
        let mut hooks = Hooks::new(Arc::new(Egress::closed()), 2);
        hooks.begin();
        for _ in 0..2 {
            let error = send(&mut hooks, "https://forbidden.example/path").await.unwrap_err();
            assert!(matches!(error, Error::HttpRequestDenied), "{error:?}");
        }
        let refusal = hooks.refusal().unwrap();
        assert_eq!(refusal.code, "egress-denied");
        assert!(refusal.hint.unwrap().contains("origins = [\"https://forbidden.example\"]"));
        let error = send(&mut hooks, "https://forbidden.example/path").await.unwrap_err();
        assert!(matches!(error, Error::ConnectionLimitReached), "{error:?}");
        hooks.begin();
        assert_eq!(hooks.refusal(), None);
        assert!(matches!(send(&mut hooks, "http://forbidden.example/").await, Err(Error::HttpRequestDenied)));
    }
}
