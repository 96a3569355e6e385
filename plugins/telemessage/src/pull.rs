//! One page's journey: where it begins, what the site says, what becomes of each item, where the next one begins.

use kit::{
    Error, ErrorKind, Host,
    source::{Page, PullRequest, Reading},
};

use kit::Tables;

use crate::{
    answer,
    attachment::{Fetched, json_file},
    cursor::Cursor,
    item::Delivery,
    settings::Settings,
    site,
    wire::WireItems,
};

/// Reads one page. Nothing is assumed of the order of items, within a page or over pages; an item that comes twice
/// is passed on twice, and the host, which knows what it has, counts it.
pub(crate) fn pull(host: &mut dyn Host, settings: &Settings, request: &PullRequest) -> Result<Page, Error> {
    let Reading::Window(window) = request.reading else {
        return Err(Error::new(ErrorKind::Misconfigured, "reading-unknown", "`telemessage` is read by windows"));
    };
    let cursor = request.cursor.as_deref().map(Cursor::decode).transpose()?;
    let items_max = settings.page_items.min(request.max_items).max(1);
    let response = site::items(host, settings, window, items_max, cursor.as_ref().map(|cursor| cursor.site.as_str()))?;
    let wire: WireItems<'_> = answer::json(site::ITEMS, &response)?;
    if wire.items.len() > items_max as usize {
        let count = wire.items.len();
        return Err(answer::unexpected(
            ErrorKind::Other,
            format!("`{}` answered {count} items where at most {items_max} were asked for", site::ITEMS),
        ));
    }
    let next = wire.next.map(|next| Cursor::after(site::ITEMS, cursor.as_ref(), next)).transpose()?;

    let mut tables = Tables::default();
    let mut fetched = Fetched::default();
    let mut page = Page::default();
    for json in wire.items.into_iter().map(|raw| raw.get()) {
        let mut delivery = match Delivery::read(json, window, settings) {
            Ok(delivery) => delivery,
            Err(unreadable) => {
                page.unreadable.push(*unreadable);
                continue;
            }
        };
        let mut attachments = Vec::with_capacity(delivery.files.len());
        for file in std::mem::take(&mut delivery.files) {
            attachments.push(fetched.attachment(host, settings, file)?);
        }
        if delivery.original_as_file {
            attachments.push(json_file(host, json)?);
        }
        page.items.push(delivery.finish(attachments, &mut tables));
    }
    (page.people, page.conversations) = tables.into_rows();
    page.cursor = next.as_ref().map(Cursor::encode);
    Ok(page)
}
