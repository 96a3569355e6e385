//! Who talks with whom, and about what in which language.

use crate::random::Random;
use crate::story::cast::place;
use crate::story::texts::Language;

/// What a chat is for in the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Two employees with mailboxes.
    Colleagues,
    /// An employee with a mailbox and somebody from outside.
    Outside,
    /// Two employees whom only the mapping file knows for certain.
    ByFile,
    /// Somebody unmapped and an employee with a mailbox.
    Unmapped,
    /// Somebody unmapped and somebody from outside: no mailbox at all.
    Nowhere,
    /// The employee whose mailbox does not exist, and one whose does.
    Unknown,
    /// Four to twelve people who all have a mailbox or are outside.
    Group,
    /// A group with somebody whose copies are parked.
    ParkingGroup,
}

/// What the vendor sends as the chat's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChatId {
    /// Nothing.
    Absent,
    /// The same for everybody.
    Shared,
    /// A random UUID for every owner, as the vendor's phones once made them.
    PerOwner,
}

/// A direct chat or a group.
#[derive(Clone, Debug)]
pub(crate) struct Chat {
    pub(crate) members: Vec<usize>,
    /// Groups have one.
    pub(crate) title: Option<&'static str>,
    pub(crate) role: Role,
    pub(crate) language: Language,
    pub(crate) id: ChatId,
    /// How busy it is beside the others.
    pub(crate) weight: u32,
}

/// Every chat of a told story.
pub(crate) fn chats(seed: u64) -> Vec<Chat> {
    let mut random = Random::new(seed, "chats", 0);
    let mut chats = Vec::new();
    // Everybody with a mailbox talks with the next one and with one further on, so that nobody is left out.
    for member in place::REACHED {
        let next = (member + 1) % place::REACHED.end;
        chats.push(direct(&mut random, Role::Colleagues, [member, next], 16));
        if member % 3 == 0 {
            let other = (member + 5 + random.index(7)) % place::REACHED.end;
            chats.push(direct(&mut random, Role::Colleagues, [member, other], 10));
        }
    }
    for (step, outsider) in place::OUTSIDE.enumerate() {
        for employee in [step * 3, step * 3 + 1] {
            chats.push(direct(&mut random, Role::Outside, [employee, outsider], 14));
        }
    }
    let (file, either) = (place::BY_FILE, place::BY_EITHER);
    chats.push(direct(&mut random, Role::ByFile, [file.start, file.start + 2], 8));
    chats.push(direct(&mut random, Role::ByFile, [file.start + 1, either.start], 8));
    for unmapped in place::UNMAPPED {
        chats.push(direct(&mut random, Role::Unmapped, [unmapped, unmapped - 20], 3));
    }
    chats.push(direct(&mut random, Role::Nowhere, [place::UNMAPPED.start, place::OUTSIDE.start], 2));
    chats.push(direct(&mut random, Role::Unknown, [place::UNKNOWN.start, 4], 4));
    for (index, (title, language)) in GROUPS.iter().enumerate() {
        let id = [ChatId::PerOwner, ChatId::Shared, ChatId::Absent][index % 3];
        let parking = index >= GROUPS.len() - 2;
        let size = 4 + (index * 5) % 9;
        let members = group(&mut random, size, parking.then_some(index));
        let (role, weight) = if parking { (Role::ParkingGroup, 8) } else { (Role::Group, 45) };
        chats.push(Chat { members, title: Some(title), role, language: *language, id, weight });
    }
    chats
}

fn direct(random: &mut Random, role: Role, members: [usize; 2], weight: u32) -> Chat {
    let id = if random.chance(50) { ChatId::Absent } else { ChatId::PerOwner };
    Chat { members: members.to_vec(), title: None, role, language: random.pick(LANGUAGES), id, weight }
}

/// Members of a group; with `parking`, one of them is somebody whose copies are parked.
fn group(random: &mut Random, size: usize, parking: Option<usize>) -> Vec<usize> {
    let mut reached: Vec<usize> = place::REACHED.collect();
    random.shuffle(&mut reached);
    let outsiders = usize::from(size > 5);
    let parked = parking.map(|index| if index % 2 == 0 { place::UNMAPPED.start + 1 } else { place::UNKNOWN.start });
    let mut members: Vec<usize> = reached.into_iter().take(size - outsiders - usize::from(parked.is_some())).collect();
    members.extend(parked);
    if outsiders > 0 {
        members.push(place::OUTSIDE.start + random.index(place::OUTSIDE.len()));
    }
    members
}

const GROUPS: &[(&str, Language)] = &[
    ("Sales Group", Language::English),
    ("Projekt Brückenbau 🌉", Language::German),
    ("Equipo España", Language::Spanish),
    ("فريق المشروع", Language::Arabic),
    ("צוות תמיכה", Language::Hebrew),
    ("東京オフィス", Language::Japanese),
    ("上海销售", Language::Chinese),
    ("टीम दिल्ली", Language::Hindi),
    ("Склад и логистика", Language::Russian),
    ("Trading \"EMEA\" & <APAC>, late shift", Language::English),
    ("Umzug Q4", Language::German),
    ("Brightwater integration", Language::English),
];

const LANGUAGES: &[Language] = &[
    Language::English,
    Language::English,
    Language::German,
    Language::German,
    Language::Spanish,
    Language::Arabic,
    Language::Hebrew,
    Language::Japanese,
    Language::Chinese,
    Language::Hindi,
    Language::Russian,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn chats_have_distinct_members_and_groups_four_to_twelve() {
        for seed in 0..20 {
            for chat in chats(seed) {
                let distinct: BTreeSet<_> = chat.members.iter().collect();
                assert_eq!(distinct.len(), chat.members.len(), "{chat:?}");
                let sizes = if chat.title.is_some() { 4..=12 } else { 2..=2 };
                assert!(sizes.contains(&chat.members.len()), "{chat:?}");
            }
        }
    }

    #[test]
    fn everybody_takes_part_and_parking_is_confined_to_its_chats() {
        let chats = chats(1);
        let members: BTreeSet<_> = chats.iter().flat_map(|chat| chat.members.iter().copied()).collect();
        assert_eq!(members.len(), place::OUTSIDE.end);
        let parks = |member: &usize| (place::UNMAPPED.start..place::UNKNOWN.end).contains(member);
        for chat in &chats {
            let planted = matches!(chat.role, Role::Unmapped | Role::Nowhere | Role::Unknown | Role::ParkingGroup);
            assert_eq!(chat.members.iter().any(parks), planted, "{chat:?}");
        }
    }
}
