//! A service looks for what is the matter by itself.

use super::{SERVE, quiet, reload::reload};
use crate::support::{served::Served, shared};

#[test]
fn what_is_the_matter_is_told_after_a_turn_and_cleared_after_a_reload() {
    let world = shared::archived().before.copy();
    let text = quiet(&world);
    let with_alerts =
        |free_bytes: u64| format!("{text}\n[alerts]\ndisk_bytes_min = {free_bytes}\nsummary = \"hourly\"\n");
    std::fs::write(world.path("chancery.toml"), with_alerts(u64::MAX >> 1)).unwrap();
    let mut served = Served::start(world.command(&SERVE));
    served.wait("the alert", |served| served.log().contains("the disk below the data folder has less than"));
    // The first summary comes with the first look; the next one not before an hour has passed.
    let items = shared::archived().counts.item("fetched");
    served.wait("the summary", |served| served.log().contains("what is the matter: 2 disk-low"));
    assert!(served.log().contains(&format!("windows, {items} items = ")), "{}", served.log());
    let codes = || {
        let listed = world.done(&["alerts", "list", "--json"]).json();
        assert_eq!(world.done(&["status", "--json"]).json()["alerts"], listed["alerts"]);
        let alerts = listed["alerts"].as_array().unwrap().clone();
        alerts.iter().map(|alert| alert["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(), ["disk-low", "disk-low"], "data folder and stage");
    reload(&world, &mut served, &with_alerts(0), "alert cleared: the disk below the stage");
    assert!(codes().is_empty());
    assert_eq!(served.log().matches("what is the matter: ").count(), 1);
    served.stop().expect(0);
}
