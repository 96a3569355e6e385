//! Settings schemas: any text as a plugin's schema, and any text as settings, apart by a NUL.

use chancery::catalog::schema::Schema;

/// Reads the schema, checks the settings, and checks what came out again: it holds.
pub(super) fn run(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let (schema, settings) = text.split_once('\0').unwrap_or((text, "{}"));
    let Ok(schema) = Schema::parse(schema) else { return false };
    let Ok(settings) = serde_json::from_str(settings) else { return false };
    match schema.check(&settings) {
        Ok(filled) => {
            assert_eq!(schema.check(&filled).as_ref(), Ok(&filled), "what passed passes again");
            true
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal says why");
            false
        }
    }
}
