#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use kit::CallOutcome;

use super::*;

#[test]
fn authors_are_parted_from_text() {
    let known = ["John Doe", "Dr: Who"];
    let split = |body: &str| {
        split_author(body, |name| known.contains(&chars::clean(name).as_str()))
            .map(|(name, text)| (body[..name].to_owned(), body[text..].to_owned()))
    };
    for (body, expected) in [
        ("Anna: Hello", Some(("Anna", "Hello"))),
        ("Anna: a : b: c", Some(("Anna", "a : b: c"))),
        ("Prof. Oak - Pallet Town: Hi", Some(("Prof. Oak - Pallet Town", "Hi"))),
        ("John Doe:.", Some(("John Doe", "."))),
        ("Jane Doe:.", None),
        ("Dr: Who: hi", Some(("Dr: Who", "hi"))),
        ("Dr: Strange: hi", Some(("Dr", "Strange: hi"))),
        ("11:11 Crew: hi", Some(("11:11 Crew", "hi"))),
        ("🤓: hi", Some(("🤓", "hi"))),
        ("~\u{202F}Name: hi", Some(("~\u{202F}Name", "hi"))),
        ("\u{202A}+40\u{A0}000\u{202C}: \u{200E}hi", Some(("\u{202A}+40\u{A0}000\u{202C}", "\u{200E}hi"))),
        ("Robert \"Bob\" Smith: hi", Some(("Robert \"Bob\" Smith", "hi"))),
        ("Anna:", Some(("Anna", ""))),
        ("Anna: ", Some(("Anna", ""))),
        ("Anna:\nsecond line", Some(("Anna", "\nsecond line"))),
        ("You changed the subject from \"Plan: A\" to \"Plan: B\"", None),
        ("Anna changed the subject to Plan: B", None),
        ("Dmitry created group \"x\"", None),
        ("see https://example.com/", None),
        (": no name", None),
        ("first line\nsecond: line", None),
    ] {
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(split(body), expected, "{body:?}");
    }
}

/// Text after the author, event, text that is left, medium as written by [`show`].
const AUTHORED: &[(&str, Event, &str, &str)] = &[
    ("Hello", Event::Message, "Hello", ""),
    ("two\nlines", Event::Message, "two\nlines", ""),
    ("<3", Event::Message, "<3", ""),
    ("<b>bold</b>", Event::Message, "<b>bold</b>", ""),
    ("see my notes (page 3)", Event::Message, "see my notes (page 3)", ""),
    ("plan.pdf (see page 3)", Event::Message, "plan.pdf (see page 3)", ""),
    ("I have omitted the image", Event::Message, "I have omitted the image", ""),
    (
        "\u{200E}<attached: 00000035-PHOTO-2022-03-27-21-41-55.jpg>",
        Event::Message,
        "",
        "named 00000035-PHOTO-2022-03-27-21-41-55.jpg",
    ),
    (
        "< attached: 00000042-PHOTO-2020-06-07-15-13-20.jpg >",
        Event::Message,
        "",
        "named 00000042-PHOTO-2020-06-07-15-13-20.jpg",
    ),
    (
        "\u{200E}<pièce jointe\u{A0}: 00000012-VIDEO-2022-03-27-21-44-16.mp4>",
        Event::Message,
        "",
        "named 00000012-VIDEO-2022-03-27-21-44-16.mp4",
    ),
    ("\u{200E}<添付ファイル：00000001-名前.pdf>", Event::Message, "", "named 00000001-名前.pdf"),
    (
        "A caption\nof two lines \u{200E}<Anhang: 00000035-PHOTO.jpg>",
        Event::Message,
        "A caption\nof two lines",
        "named 00000035-PHOTO.jpg",
    ),
    (
        "Resume.pdf \u{2022} \u{200E}2 pages \u{200E}<attached: 00000047-Resume.pdf>",
        Event::Message,
        "Resume.pdf \u{2022} \u{200E}2 pages",
        "named 00000047-Resume.pdf",
    ),
    (
        "Resume.pdf \u{2022} \u{200E}2 pages \u{200E}document omitted",
        Event::Message,
        "Resume.pdf \u{2022} \u{200E}2 pages",
        "omitted document Resume.pdf",
    ),
    ("IMG-20220318-WA0001.jpg (file attached)", Event::Message, "", "named IMG-20220318-WA0001.jpg"),
    (
        "\u{200E}IMG-20220318-WA0001.jpg (Datei angehängt)\nCaption",
        Event::Message,
        "Caption",
        "named IMG-20220318-WA0001.jpg",
    ),
    ("AUD-20190101-WA0000. (file attached)", Event::Message, "", "named AUD-20190101-WA0000."),
    ("Alex.vcf (file attached)", Event::Message, "", "named Alex.vcf"),
    ("\u{200E}TR.vcf (soubor byl přiložen)", Event::Message, "", "named TR.vcf"),
    ("report.pdf (файл добавлен)\nreport", Event::Message, "report", "named report.pdf"),
    ("<Media omitted>", Event::Message, "", "omitted media"),
    ("<media omitted>", Event::Message, "", "omitted media"),
    ("<Média vynechány>", Event::Message, "", "omitted media"),
    ("<Без медиафайлов>", Event::Message, "", "omitted media"),
    ("<Medien ausgeschlossen>", Event::Message, "", "omitted media"),
    ("<Médias omis>", Event::Message, "", "omitted media"),
    ("<Multimedia omitido>", Event::Message, "", "omitted media"),
    ("<Arquivo de mídia oculto>", Event::Message, "", "omitted media"),
    ("<Mídia oculta>", Event::Message, "", "omitted media"),
    ("<Media omessi>", Event::Message, "", "omitted media"),
    ("<Pominięto multimedia>", Event::Message, "", "omitted media"),
    ("<Medya dahil edilmedi>", Event::Message, "", "omitted media"),
    ("<メディアは含まれていません>", Event::Message, "", "omitted media"),
    ("<省略多媒体文件>", Event::Message, "", "omitted media"),
    ("<媒體已略去>", Event::Message, "", "omitted media"),
    ("<تم استبعاد الوسائط>", Event::Message, "", "omitted media"),
    ("<המדיה לא נכללה>", Event::Message, "", "omitted media"),
    ("<मीडिया के बिना>", Event::Message, "", "omitted media"),
    ("<Media tidak disertakan>", Event::Message, "", "omitted media"),
    ("<Media weggelaten>\nSome file.txt", Event::Message, "Some file.txt", "omitted media"),
    ("\u{200E}image omitted", Event::Message, "", "omitted image"),
    ("\u{200E}GIF omitted", Event::Message, "", "omitted gif"),
    ("\u{200E}Contact card omitted", Event::Message, "", "omitted contact"),
    ("\u{200E}Bild weggelassen", Event::Message, "", "omitted image"),
    ("\u{200E}vidéo absente", Event::Message, "", "omitted video"),
    ("\u{200E}画像は含まれていません", Event::Message, "", "omitted image"),
    ("\u{200E}スタンプは含まれていません", Event::Message, "", "omitted sticker"),
    ("\u{200F}لم يتم إدراج الصورة", Event::Message, "", "omitted image"),
    ("\u{200F}لم يتم إدراج الملصقات", Event::Message, "", "omitted sticker"),
    ("caption here \u{200E}image omitted", Event::Message, "caption here", "omitted image"),
    ("null", Event::Message, "null", ""),
    ("", Event::Message, "", ""),
    ("This message was deleted", Event::Deletion, "This message was deleted", ""),
    ("\u{200E}You deleted this message.", Event::Deletion, "You deleted this message.", ""),
    ("Dit bericht is verwijderd", Event::Deletion, "Dit bericht is verwijderd", ""),
    ("\u{200F}تم حذف هذه الرسالة.", Event::Deletion, "تم حذف هذه الرسالة.", ""),
    ("This message was deleted by my cat", Event::Message, "This message was deleted by my cat", ""),
    ("Missed voice call", Event::Call, "Missed voice call", ""),
    ("\u{200E}Video call, \u{200E}5 min", Event::Call, "Video call, \u{200E}5 min", ""),
    (
        "\u{200E}Messages and calls are end-to-end encrypted.",
        Event::Notice,
        "Messages and calls are end-to-end encrypted.",
        "",
    ),
    (
        "Messages and calls are end-to-end encrypted. No one outside of this chat can read them.",
        Event::Notice,
        "Messages and calls are end-to-end encrypted. No one outside of this chat can read them.",
        "",
    ),
    (
        "\u{200E}\u{200E}Your security code with Elon changed. \u{200E}Tap to learn more.",
        Event::Notice,
        "Your security code with Elon changed. \u{200E}Tap to learn more.",
        "",
    ),
    ("\u{200E}Anna created this group", Event::Membership, "Anna created this group", ""),
    ("\u{200E}Anna hat dich hinzugefügt.", Event::Membership, "Anna hat dich hinzugefügt.", ""),
    ("\u{200E}некой језик без знања", Event::Notice, "некой језик без знања", ""),
    (
        "\u{200E}Location: https://maps.google.com/?q=51.5,-0.12",
        Event::Message,
        "Location: https://maps.google.com/?q=51.5,-0.12",
        "",
    ),
    (
        "\u{200E}POLL:\nLunch?\n\u{200E}OPTION: Soup (\u{200E}2 votes)",
        Event::Message,
        "POLL:\nLunch?\n\u{200E}OPTION: Soup (\u{200E}2 votes)",
        "",
    ),
    ("Hello \u{200E}<This message was edited>", Event::Message, "Hello", ""),
    ("Hello <This message was edited>", Event::Message, "Hello", ""),
    ("Hei \u{200E}<Viestiä muokattiin>", Event::Message, "Hei", ""),
    ("i <think> so", Event::Message, "i <think> so", ""),
];

fn show(medium: Option<&Medium>) -> String {
    match medium {
        None => String::new(),
        Some(Medium::Named(name)) => format!("named {name}"),
        Some(Medium::Omitted { kind, name: None }) => format!("omitted {}", kind.name()),
        Some(Medium::Omitted { kind, name: Some(name) }) => format!("omitted {} {name}", kind.name()),
        Some(Medium::ViewOnce) => "view-once".to_owned(),
    }
}

#[test]
fn texts_with_an_author_become_events() {
    for (text, event, left, medium) in AUTHORED {
        let said = read(text, true);
        assert_eq!(
            (said.event, said.text.as_str(), show(said.medium.as_ref()).as_str()),
            (*event, *left, *medium),
            "{text:?}"
        );
    }
}

#[test]
fn texts_without_an_author_become_events() {
    for (text, event) in [
        ("Messages and calls are end-to-end encrypted. Tap to learn more.", Event::Notice),
        ("Anna created group \"Team\"", Event::Membership),
        ("You changed the subject from \"Plan: A\" to \"Plan: B\"", Event::Membership),
        ("+7 999 999-99-99 joined using this group's invite link", Event::Membership),
        ("You're now an admin", Event::Membership),
        (
            "You updated the message timer. New messages will disappear from this chat 24 hours after they're sent.",
            Event::Notice,
        ),
        ("Missed video call at 12:10", Event::Call),
        ("Anna left", Event::Membership),
        ("Иван покинул группу", Event::Membership),
        ("nieznany wiersz", Event::Notice),
    ] {
        let said = read(text, false);
        assert_eq!((said.event, said.text.as_str()), (event, text), "{text:?}");
    }
}

#[test]
fn what_else_is_known_stands_in_extensions() {
    for (text, name, value) in [
        ("null", "content", "unavailable"),
        ("", "content", "empty"),
        ("Hello \u{200E}<This message was edited>", "edited", "true"),
        ("location: https://maps.google.com/?q=51.50214,-0.12739", "location", "51.50214,-0.12739"),
        ("Place\nStreet\nhttps://maps.google.com/?q=1.5,2", "location", "1.5,2"),
        ("live location shared", "location", "live"),
        ("\u{200E}POLL:\nLunch?\n\u{200E}OPTION: Soup (2 votes)", "kind", "poll"),
    ] {
        let said = read(text, true);
        assert!(said.extensions.contains(&(name.to_owned(), value.to_owned())), "{text:?}: {:?}", said.extensions);
    }
    assert!(read("https://maps.google.com/?q=91,200", true).extensions.is_empty(), "no such place");
    assert_eq!(read("\u{200E}Voice call, \u{200E}No answer", true).call.unwrap().outcome, CallOutcome::Missed);
}
