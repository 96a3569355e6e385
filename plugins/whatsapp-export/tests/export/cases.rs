//! Every folder of `cases/` is a case: `settings.json`, the inbox as the phone's owner filled it, and `expected.txt`.

use std::path::Path;

use whatsapp_export::WhatsappExport;

#[test]
fn every_case_gives_what_is_expected() {
    shelf::cases::<WhatsappExport>(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"), 10);
}
