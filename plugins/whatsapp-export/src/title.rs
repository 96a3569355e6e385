//! A chat's title, from the name of its file.

use crate::{
    chars,
    input::{Chat, base_name},
    words::titles,
};

/// What is known of a chat's title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Title {
    /// The setting, or a file name that only exports have: what the app calls the chat.
    Known(String),
    /// A file name that people chose.
    Named(String),
    /// Nothing: `_chat.txt` or `chat.zip`.
    Unknown,
}

impl Title {
    /// The title of this chat.
    pub(crate) fn of(chat: &Chat, setting: Option<&str>) -> Self {
        if let Some(setting) = setting {
            return Self::Known(chars::clean(setting));
        }
        let of_entry = chat.entry.as_ref().map(|(_, name)| Self::of_stem(&stem(base_name(name))));
        match of_entry {
            Some(known @ Self::Known(_)) => known,
            _ => Self::of_stem(&stem(base_name(&chat.path))),
        }
    }

    fn of_stem(stem: &str) -> Self {
        let lower = stem.to_lowercase();
        match titles::title_range(&lower) {
            // Lower case may have another length; then the title is found again by its own length in characters.
            Some(range)
                if lower.len() == stem.len()
                    && stem.is_char_boundary(range.start)
                    && stem.is_char_boundary(range.end) =>
            {
                Self::Known(chars::clean(&stem[range]))
            }
            Some(range) => Self::Known(chars::clean(&lower[range])),
            None if titles::is_empty_name(stem) => Self::Unknown,
            None => Self::Named(stem.to_owned()),
        }
    }

    /// The title's text.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Known(text) | Self::Named(text) => Some(text),
            Self::Unknown => None,
        }
    }
}

/// A file name without its ending and without the number of a second download, cleaned: `Team (1).zip` is `Team`.
pub(crate) fn stem(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let ends = [".zip", ".txt"].iter().find(|ending| lower.ends_with(*ending)).map_or(0, |ending| ending.len());
    // A file system or a mail program may have appended the ending twice: `Team.txt.zip`.
    let bare = &name[..name.len() - ends];
    let bare = bare.strip_suffix(".txt").or_else(|| bare.strip_suffix(".zip")).unwrap_or(bare);
    let mut stem = chars::clean(bare);
    while let Some((start, number)) = stem.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        if number.is_empty() || number.len() > 3 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        stem = start.trim_end().to_owned();
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found_in_file_names() {
        let known = |text: &str| Title::Known(text.to_owned());
        let named = |text: &str| Title::Named(text.to_owned());
        for (path, entry, title) in [
            ("inbox/WhatsApp Chat with Anna Müller.txt", None, known("Anna Müller")),
            ("inbox/WhatsApp Chat - Sales Team.zip", Some("_chat.txt"), known("Sales Team")),
            ("inbox/WhatsApp Chat - Sales Team (2).zip", Some("_chat.txt"), known("Sales Team")),
            ("inbox/WhatsApp-Chat mit Jürgen.txt", None, known("Jürgen")),
            ("inbox/WhatsApp-Chat mit Ju\u{308}rgen.txt", None, known("Jürgen")),
            ("inbox/anna@example.com/chat.zip", Some("WhatsApp Chat with Bob.txt"), known("Bob")),
            ("inbox/anna@example.com/chat.zip", Some("_chat.txt"), Title::Unknown),
            ("_chat.txt", None, Title::Unknown),
            ("inbox/team.txt", None, named("team")),
            ("inbox/Discussion WhatsApp avec Zoé.txt", None, known("Zoé")),
            ("inbox/Чат WhatsApp с Иван.txt", None, known("Иван")),
            ("inbox/Ayşe ile WhatsApp Sohbeti.txt", None, known("Ayşe")),
            ("inbox/WhatsApp Chat with +49 151 1234567.txt", None, known("+49 151 1234567")),
            ("inbox/Team.txt.zip", Some("_chat.txt"), named("Team")),
        ] {
            let chat = Chat { path: path.to_owned(), entry: entry.map(|name| (0, name.to_owned())), size: 0 };
            assert_eq!(Title::of(&chat, None), title, "{path}");
            assert_eq!(Title::of(&chat, Some("Set")), known("Set"), "{path}");
        }
    }
}
