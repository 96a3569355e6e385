//! The console, as browsers and programs ask it.
//!
//! - `credentials`: signing in at the other side, for a credential that acts for a person;
//! - `openid`: signing in by a directory;
//! - `wizard`: adding a connector, with what nobody should send;
//! - `people`: the set-up link, signing in and out, accounts, tokens;
//! - `gate`: what is refused before anybody looks at it, and what every answer carries;
//! - `personal`: adding a connector whose source reads for a person;
//! - `pages`: what is not there, and hostile values;
//! - `rights`: each right alone, by page and by API, and what was refused in the activity.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod credentials;
mod edit;
mod gate;
mod openid;
mod pages;
mod people;
mod personal;
mod rights;
mod wizard;

use crate::support::{served::Served, shared, visitor::Visitor, world::World};

const PASSWORD: &str = "four words that differ";

/// A world that was archived, a service, and the name of somebody who may administer people.
struct Console {
    world: World,
    served: Served,
}

impl Console {
    fn start() -> Self {
        let world = shared::archived().after.copy();
        crate::service::quiet(&world);
        let served = Served::start(world.command(&crate::service::SERVE));
        let console = Self { world, served };
        let link = console.served.set_up();
        let chosen = [("name", "anna"), ("password", PASSWORD), ("again", PASSWORD)];
        console.visitor().post(&link, &chosen).expect(200);
        console
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(self.served.address())
    }

    fn anna(&self) -> Visitor {
        let mut anna = self.visitor();
        anna.sign_in("anna", PASSWORD).leads_to("/");
        anna
    }

    /// Somebody new with these rights, signed in.
    fn with_rights(&self, name: &str, rights: &[&str]) -> Visitor {
        let mut arguments = vec!["people", "add", name];
        arguments.extend_from_slice(rights);
        let link = self.world.done(&arguments).stdout;
        let path = format!("/link/{}", link.trim().rsplit('/').next().unwrap());
        let mut visitor = self.visitor();
        visitor.post(&path, &[("name", name), ("password", PASSWORD), ("again", PASSWORD)]).expect(200);
        visitor.sign_in(name, PASSWORD).leads_to("/");
        visitor
    }
}
