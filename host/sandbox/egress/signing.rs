//! The `hmac` scheme: signs a request as the approved descriptor says (RFC 2104 with SHA-256).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use http::Method;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::super::hex;
use crate::item::descriptor::{HmacEncoding, HmacPart, HmacRecipe};

/// What goes into the recipe's header.
pub(super) fn sign(recipe: &HmacRecipe, key: &str, now_s: u64, method: &Method, url: &Url, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    for (place, part) in recipe.parts.iter().enumerate() {
        if place > 0 {
            mac.update(recipe.separator.as_bytes());
        }
        match part {
            HmacPart::Literal(words) => mac.update(words.as_bytes()),
            HmacPart::Method => mac.update(method.as_str().as_bytes()),
            HmacPart::PathAndQuery => {
                mac.update(url.path().as_bytes());
                if let Some(query) = url.query() {
                    mac.update(b"?");
                    mac.update(query.as_bytes());
                }
            }
            HmacPart::Timestamp => mac.update(now_s.to_string().as_bytes()),
            HmacPart::Body => mac.update(body),
            HmacPart::BodySha256 => mac.update(hex(&Sha256::digest(body)).as_bytes()),
        }
    }
    let signature = mac.finalize().into_bytes();
    let written = match recipe.encoding {
        HmacEncoding::Hex => hex(&signature),
        HmacEncoding::Base64 => STANDARD.encode(signature),
    };
    format!("{}{written}", recipe.prefix)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn a_request_is_signed_as_openssl_signs_it() {
        let recipe = HmacRecipe {
            parts: vec![
                HmacPart::Literal("v0".into()),
                HmacPart::Timestamp,
                HmacPart::Method,
                HmacPart::PathAndQuery,
                HmacPart::BodySha256,
                HmacPart::Body,
            ],
            separator: ":".into(),
            header: "x-signature".into(),
            prefix: "v0=".into(),
            encoding: HmacEncoding::Hex,
            timestamp_header: None,
            key_header: None,
        };
        let url = "https://a.example/v1/items?page=2".parse().unwrap();
        let sign = |recipe: &HmacRecipe| sign(recipe, "key", 1_700_000_000, &Method::POST, &url, b"{}");
        // printf 'v0:1700000000:POST:/v1/items?page=2:%s:{}' "$(printf '{}' | sha256sum | cut -c1-64)" \
        //   | openssl dgst -sha256 -hmac key
        assert_eq!(sign(&recipe), "v0=279770c4a50819f050696f13ae68fb3b105a974e9f0baf650895d1b9365974a3");
        let recipe = HmacRecipe { encoding: HmacEncoding::Base64, prefix: String::new(), ..recipe };
        assert_eq!(sign(&recipe), "J5dwxKUIGfBQaW8Trmj7OxBal06fC69lCJXRuTZZdKM=");
    }
}
