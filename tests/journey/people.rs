//! Accounts and tokens by command: printed once, hashed on disk, recorded, and in a backup.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::shared;

#[test]
fn accounts_and_tokens_are_kept_and_backed_up() {
    let world = shared::archived().after.copy();
    assert!(world.done(&["people", "list"]).stdout.contains("nobody has an account"));
    let link = world.done(&["people", "add", "anna", "administer-people"]).stdout;
    world.done(&["people", "add", "ben"]);
    world.done(&["people", "grant", "ben", "operate", "evidence"]);
    world.done(&["people", "revoke", "ben", "evidence"]);
    let token = world.done(&["token", "create", "nightly", "--scope", "operate", "--person", "ben"]).stdout;
    assert!(token.starts_with("chancery_"), "a scanner finds it");

    let people = world.done(&["people", "list", "--json"]).json();
    assert_eq!(people[0]["rights"], serde_json::json!(["administer-people"]));
    assert_eq!(people[1]["rights"], serde_json::json!(["operate"]));
    assert_eq!(people[1]["has_password"], false);
    let tokens = world.done(&["token", "list", "--json"]).json();
    assert_eq!((&tokens[0]["name"], &tokens[0]["person"]), (&"nightly".into(), &"ben".into()));

    let data = world.folder().join("data");
    let file = data.join("people/people");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(link.trim()) && !text.contains(token.trim()), "secrets in clear");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    world.done(&["state", "backup", "copy"]);
    assert_eq!(fs::read_to_string(world.folder().join("copy/people/people")).unwrap(), text);

    let refused = [
        (&["people", "remove", "anna"][..], "people-last"),
        (&["people", "grant", "eve", "operate"], "people-unknown"),
        (&["people", "add", "ben"], "people-name"),
        (&["people", "grant", "ben", "everything"], "there is no such right"),
        (&["token", "revoke", "weekly"], "token-unknown"),
    ];
    for (arguments, why) in refused {
        let ran = world.run(arguments);
        assert_ne!(ran.code, Some(0), "{ran}");
        assert!(ran.stderr.contains(why), "{ran}");
    }
    world.done(&["people", "remove", "ben"]);
    assert_eq!(world.done(&["token", "list", "--json"]).json(), serde_json::json!([]));
}
