//! SIGHUP: a configuration is taken whole, or not at all.

use std::fs;

use rustix::process::Signal;

use super::{SERVE, quiet};
use crate::support::{
    served::Served,
    shared,
    world::{CONNECTOR, World},
};

const EXPORTS: &str = r#"
[[connector]]
name = "exports"
schedule = "hourly"
folder = "WhatsApp Archiver"
source = { plugin = "whatsapp-export", settings = { path = "inbox", zone = "Europe/Berlin", owner = "anna@example.com" } }
mapper = { plugin = "users", settings = { automatic = true } }
converter = { plugin = "email" }
destinations = [{ kind = "maildir", root = "mail", mailboxes = { domains = ["example.com"] } }]
grant = { source = { folders = ["inbox"] } }
"#;

pub(super) fn reload(world: &World, served: &mut Served, text: &str, expect: &str) -> String {
    let before = served.log().len();
    fs::write(world.path("chancery.toml"), text).unwrap();
    served.signal(Signal::HUP);
    served.wait(expect, |served| served.log()[before..].contains(expect));
    served.log()[before..].to_owned()
}

#[test]
fn a_configuration_is_taken_whole_or_not_at_all() {
    let archived = shared::archived();
    let world = archived.before.copy();
    let good = quiet(&world);
    fs::create_dir(world.path("inbox")).unwrap();
    let mut served = Served::start(world.command(&SERVE));
    served.wait("the first turn", |served| served.turns(CONNECTOR, "done") > 0.0);
    let schedule = good.lines().find(|line| line.starts_with("schedule")).unwrap();
    let never = good.replace(schedule, "schedule = \"cron 0 2 31 2 *\"");
    for (what, text, why) in [
        ("no TOML", format!("{good}\n[[connector"), "chancery.toml"),
        ("an unknown key", good.replace("schedule =", "shedule ="), "shedule"),
        ("a schedule that never comes", never, "never comes"),
        (
            "a long jitter",
            good.replace(schedule, &format!("{schedule}\njitter = \"2h\"")),
            "`jitter` is more than 60 minutes",
        ),
        ("a secret that is not there", good.replace("archive-password", "nowhere"), "nowhere"),
        ("another data folder", good.replace("data_dir = \"data\"", "data_dir = \"other\""), "`data_dir` is now"),
        ("a second connector that is wrong", format!("{good}{}", EXPORTS.replace("zone =", "zoned =")), "exports"),
    ] {
        let log = reload(&world, &mut served, &text, "reload-refused");
        assert!(log.contains(why) && log.contains("the one before stays in force"), "{what}: {log}");
        assert_eq!(served.get("/healthz").0, 200, "{what}");
        assert_eq!(served.turns("exports", "done"), 0.0, "{what}");
    }
    reload(&world, &mut served, &format!("{good}{EXPORTS}"), "the configuration was read again");
    served.wait("the new connector's turn", |served| served.turns("exports", "done") > 0.0);
    assert_eq!(served.turns(CONNECTOR, "done"), 1.0, "what is not due is not looked at because of a reload");
    reload(&world, &mut served, &good, "the configuration was read again");
    assert!(!served.get("/metrics").1.contains("exports"), "a connector that was taken out is gone");
    served.stop().expect(0);
    archived.expect_same_end(&world, "after configurations");
}

#[test]
fn a_turn_under_way_ends_with_what_it_began_with() {
    let archived = shared::archived();
    let world = archived.before.copy();
    let good = fs::read_to_string(world.path("chancery.toml")).unwrap();
    let mut served = Served::start(world.command(&SERVE));
    served.wait("a turn", |served| {
        served.metric(&format!("chancery_connector_running{{connector=\"{CONNECTOR}\"}}")) > 0.0
    });
    let other = good.replace("root = \"mail\"", "root = \"elsewhere\"");
    reload(&world, &mut served, &other, "the configuration was read again");
    served.wait("its end", |served| served.turns(CONNECTOR, "done") > 0.0);
    served.stop().expect(0);
    fs::write(world.path("chancery.toml"), good).unwrap();
    archived.expect_same_end(&world, "after a reload in the middle");
}
