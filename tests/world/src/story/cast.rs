//! The people of a story, what the organisation knows of them, and what must become of each.

use std::collections::BTreeSet;

/// Reason for parking a copy of an internal person for whom neither the mapping nor an e-mail property exists.
pub const UNMAPPED: &str = "unmapped";
/// Reason for parking a copy of an internal person whose address is no mailbox.
pub const MAILBOX_UNKNOWN: &str = "mailbox-unknown";
/// Reason for parking an item whose event time cannot be true.
pub const ABSURD_TIME: &str = "absurd-time";

/// What must become of a person's copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They reach this mailbox.
    Mailbox(String),
    /// There are none: the person is not one of the organisation's.
    Outside,
    /// They are parked with this reason.
    Parked(&'static str),
}

/// Somebody who takes part in chats.
#[derive(Clone, Debug)]
pub struct Person {
    /// The site's user id; only the organisation's own people have one.
    pub user_id: Option<String>,
    /// Digits with the country code, no plus sign; also the key that a mapping file uses.
    pub phone: String,
    /// First name.
    pub given: String,
    /// Family name.
    pub family: String,
    /// "User's Email address", where the site knows one.
    pub email: Option<String>,
    /// The mailbox that the mapping file names for this person.
    pub mapped: Option<String>,
    /// What must become of this person's copies.
    pub standing: Standing,
}

impl Person {
    /// The name as most phones have it.
    pub fn name(&self) -> String {
        if self.family.is_empty() { self.given.clone() } else { format!("{} {}", self.given, self.family) }
    }
}

/// The people in a fixed order.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) people: Vec<Person>,
    pub(crate) mailboxes: BTreeSet<String>,
    /// People of the roster who no longer take part (suspended users).
    pub(crate) suspended: Vec<Person>,
}

/// Where each kind of person stands in [`Cast::people`].
pub(crate) mod place {
    use std::ops::Range;

    /// Known by their e-mail property.
    pub(crate) const BY_EMAIL: Range<usize> = 0..19;
    /// Known by both, so that an item may come without the property.
    pub(crate) const BY_EITHER: Range<usize> = 19..22;
    /// Known by the mapping file alone.
    pub(crate) const BY_FILE: Range<usize> = 22..26;
    /// The mapping file sends them to another mailbox than the property.
    pub(crate) const OVERRIDDEN: Range<usize> = 26..28;
    /// Known by nothing.
    pub(crate) const UNMAPPED: Range<usize> = 28..31;
    /// With a property that names no mailbox.
    pub(crate) const UNKNOWN: Range<usize> = 31..32;
    /// Not the organisation's.
    pub(crate) const OUTSIDE: Range<usize> = 32..40;
    /// Whose copies reach a mailbox.
    pub(crate) const REACHED: Range<usize> = 0..28;
}

impl Cast {
    /// The forty people of a told story.
    pub(crate) fn of(domain: &str) -> Self {
        let mut mailboxes = BTreeSet::from([format!("records@{domain}"), format!("trading.desk@{domain}")]);
        let people = NAMES.iter().enumerate().map(|(index, &(given, family, local))| {
            let own = format!("{local}@{domain}");
            let phone = phone(index);
            let own_mailbox = place::BY_FILE.end > index;
            if own_mailbox {
                mailboxes.insert(own.clone());
            }
            let (email, mapped, standing) = if place::BY_EMAIL.contains(&index) {
                (Some(own.clone()), None, Standing::Mailbox(own))
            } else if place::BY_EITHER.contains(&index) {
                (Some(own.clone()), Some(own.clone()), Standing::Mailbox(own))
            } else if place::BY_FILE.contains(&index) {
                (None, Some(own.clone()), Standing::Mailbox(own))
            } else if place::OVERRIDDEN.contains(&index) {
                let shared = if index == place::OVERRIDDEN.start { "records" } else { "trading.desk" };
                let shared = format!("{shared}@{domain}");
                mailboxes.insert(own.clone());
                (Some(own), Some(shared.clone()), Standing::Mailbox(shared))
            } else if place::UNMAPPED.contains(&index) {
                (None, None, Standing::Parked(UNMAPPED))
            } else if place::UNKNOWN.contains(&index) {
                (Some(format!("{local}@brightwater.example")), None, Standing::Parked(MAILBOX_UNKNOWN))
            } else {
                (None, None, Standing::Outside)
            };
            let user_id = (standing != Standing::Outside).then(|| format!("u-{}", 1001 + index));
            Person { user_id, phone, given: given.to_owned(), family: family.to_owned(), email, mapped, standing }
        });
        let people: Vec<_> = people.collect();
        let suspended = vec![Person {
            user_id: Some("u-0990".to_owned()),
            phone: "491713920090".to_owned(),
            given: "Gregor".to_owned(),
            family: "Amsel".to_owned(),
            email: Some(format!("gregor.amsel@{domain}")),
            mapped: None,
            standing: Standing::Outside,
        }];
        Self { people, mailboxes, suspended }
    }

    /// People of the same kind, one mailbox each, for volume.
    pub(crate) fn uniform(domain: &str, count: u32) -> Self {
        let people: Vec<_> = (0..count)
            .map(|index| {
                let address = format!("person{index:05}@{domain}");
                Person {
                    user_id: Some(format!("u-{index:05}")),
                    phone: format!("49171{:07}", 4_000_000 + index),
                    given: "Person".to_owned(),
                    family: format!("{index:05}"),
                    email: Some(address.clone()),
                    mapped: None,
                    standing: Standing::Mailbox(address),
                }
            })
            .collect();
        let mailboxes = people.iter().filter_map(|person| person.email.clone()).collect();
        Self { people, mailboxes, suspended: Vec::new() }
    }

    /// The mapping file: digits and E.164 side by side, as people write them.
    pub(crate) fn mapping_csv(&self) -> String {
        let mut csv = String::from("External User ID,Microsoft 365 User Mailbox\n");
        for (row, person) in self.people.iter().filter(|person| person.mapped.is_some()).enumerate() {
            let plus = if row % 2 == 0 { "" } else { "+" };
            let mailbox = person.mapped.as_deref().unwrap_or_default();
            csv.push_str(&format!("{plus}{},{mailbox}\n", person.phone));
        }
        csv
    }
}

/// Numbers that the countries' regulators keep for films and books, so that none is anybody's. Those of the mapping
/// file are valid to a number library too.
fn phone(index: usize) -> String {
    match index {
        0..=27 => format!("4917139200{index:02}"),
        28..=33 => format!("447700900{:03}", 100 + index),
        34..=36 => format!("336399800{index:02}"),
        _ => format!("161755501{index:02}"),
    }
}

const NAMES: [(&str, &str, &str); 40] = [
    // Known by e-mail.
    ("Anna", "Lind", "anna.lind"),
    ("Ben", "Ode", "ben.ode"),
    ("Carla", "Núñez Ibáñez", "carla.nunez"),
    ("Dmitri", "Соколов", "dmitri.sokolov"),
    ("Елена", "Мороз", "elena.moroz"),
    ("Fatima", "الزهراء", "fatima.zahra"),
    ("中村", "健太", "kenta.nakamura"),
    ("さくら", "山本", "sakura.yamamoto"),
    ("李", "小龙", "li.xiaolong"),
    ("王", "芳", "wang.fang"),
    ("Priya", "शर्मा", "priya.sharma"),
    ("अर्जुन", "राव", "arjun.rao"),
    ("נועה", "כהן", "noa.cohen"),
    ("אורי", "לוי", "uri.levi"),
    ("Jürgen", "Groß", "juergen.gross"),
    ("Siobhán", "O'Brien", "siobhan.obrien"),
    ("Zoë", "van den Berg", "zoe.vandenberg"),
    ("João", "Conceição", "joao.conceicao"),
    ("Anna", "Lindström", "anna.lindstrom"), // her name begins like another's
    // Known by either.
    ("Marek", "Żółtowski", "marek.zoltowski"),
    ("Ayşe", "Yıldız", "ayse.yildiz"),
    ("Robert \"Bob\"", "Smith, Jr.", "bob.smith"),
    // Known by the mapping file.
    ("Ingrid", "Ås", "ingrid.as"),
    ("Tomás", "Quispe", "tomas.quispe"),
    ("Leila", "حداد", "leila.haddad"),
    ("Kwame", "Boateng", "kwame.boateng"),
    // Overridden.
    ("Marta", "Keller", "marta.keller"),
    ("Nils", "Öberg", "nils.oberg"),
    // Unmapped.
    ("Oskar", "Winter", ""),
    ("Petra", "Sommer", ""),
    ("Quentin", "Marsh", ""),
    // Without a mailbox.
    ("Rosa", "Bright", "rosa.bright"),
    // Outside.
    ("Sam", "Cooper", ""),
    ("Tariq", "منصور", ""),
    ("Ursula", "Vogt", ""),
    ("Valérie", "Dupré", ""),
    ("Wei", "陈", ""),
    ("Xenia 🌸", "", ""),
    ("Yusuf", "Kaya", ""),
    ("Taxi <24h>", "", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cast_is_as_planned() {
        let cast = Cast::of("example.com");
        let count = |test: fn(&Standing) -> bool| cast.people.iter().filter(|person| test(&person.standing)).count();
        assert_eq!(count(|standing| matches!(standing, Standing::Mailbox(_))), place::REACHED.len());
        assert_eq!(count(|standing| *standing == Standing::Parked(UNMAPPED)), 3);
        assert_eq!(count(|standing| *standing == Standing::Parked(MAILBOX_UNKNOWN)), 1);
        assert_eq!(count(|standing| *standing == Standing::Outside), place::OUTSIDE.len());
        let phones: BTreeSet<_> = cast.people.iter().map(|person| &person.phone).collect();
        assert_eq!(phones.len(), 40);
    }

    #[test]
    fn mailboxes_that_must_be_reached_exist_and_the_planted_one_does_not() {
        let cast = Cast::of("example.org");
        for person in &cast.people {
            match &person.standing {
                Standing::Mailbox(mailbox) => assert!(cast.mailboxes.contains(mailbox), "{mailbox}"),
                Standing::Parked(_) | Standing::Outside => {
                    assert!(person.email.as_ref().is_none_or(|email| !cast.mailboxes.contains(email)));
                    assert_eq!(person.mapped, None);
                }
            }
        }
    }

    #[test]
    fn mapping_has_one_row_per_mapped_person() {
        let csv = Cast::of("example.com").mapping_csv();
        assert_eq!(csv.lines().count(), 1 + 3 + 4 + 2);
        assert!(csv.contains("491713920026,records@example.com") || csv.contains("+491713920026,records@example.com"));
    }
}
