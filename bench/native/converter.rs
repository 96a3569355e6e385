//! `email`, native.

use std::sync::Arc;

use chancery::{
    item::{Batch, BlobSource, Content, Failure, Message, NextMove, Splice},
    pipeline::{Converted, Converter},
};
use futures::future::BoxFuture;
use kit::converter::{self, Converter as _};

use super::words;

/// The `email` converter, linked.
pub(crate) struct Email;

impl Converter for Email {
    fn convert<'a>(
        &'a mut self,
        batch: &'a Batch<'a>,
        _: Arc<dyn BlobSource>,
    ) -> BoxFuture<'a, Result<Vec<Converted>, Failure>> {
        Box::pin(async move {
            let conversions = email::Email::convert(words::batch(batch)).into_iter();
            conversions.map(|conversion| converted(batch, conversion)).collect()
        })
    }
}

fn converted(
    batch: &Batch<'_>,
    conversion: Result<converter::Message, converter::Failure>,
) -> Result<Converted, Failure> {
    match conversion {
        Ok(message) => {
            let (message, items) = take(batch, message)?;
            Ok(Converted { items, result: Ok(message) })
        }
        Err(converter::Failure { items, code, message }) => {
            Ok(Converted { items, result: Err(Failure::new(code, NextMove::Reject, message)) })
        }
    }
}

fn take(batch: &Batch<'_>, message: converter::Message) -> Result<(Message, Vec<u32>), Failure> {
    let converter::Message { skeleton, splices, items } = message;
    let splices: Option<Vec<Splice>> = splices
        .into_iter()
        .map(|splice| {
            let item = batch.items.get(splice.item as usize)?.item;
            match &item.attachments.get(splice.attachment as usize)?.content {
                Content::Present(blob) => Some(Splice { offset: splice.offset, blob: blob.clone() }),
                Content::Withheld { .. } | Content::Missing(_) => None,
            }
        })
        .collect();
    match (splices, message_id(&skeleton)) {
        (Some(splices), Some(message_id)) => {
            let message_id = message_id.into();
            Ok((Message { skeleton: skeleton.into(), splices: splices.into(), message_id }, items))
        }
        _ => Err(Failure::new("plugin-bad-output", NextMove::Stop, "the linked converter wrote no usable message")),
    }
}

/// The Message-ID with its angle brackets; the plugin writes it on one line, or folded after the name.
fn message_id(skeleton: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"\r\nMessage-ID:";
    let start = skeleton.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let rest = std::str::from_utf8(&skeleton[start..]).ok()?;
    let open = rest.find('<')?;
    let close = open + rest[open..].find('>')?;
    rest.get(open..=close)
}
