//! What people write: short natural sentences in nine languages, and texts that break careless converters.
//!
//! `{ref}` is where an item's own marker goes, a reference as office chats are full of (an order, a ticket, a file
//! number). It makes the text unique in the story, so that a test can find it in the mail.

use crate::random::Random;

/// The language of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    Spanish,
    Arabic,
    Hebrew,
    Japanese,
    Chinese,
    Hindi,
    Russian,
}

/// A text with its marker filled in; the marker is absent from the few that are too short for one.
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) marker: Option<String>,
}

/// Texts of one event in this many are taken from [`ODD`].
const ODD_ONE_IN: u64 = 12;

/// A text for a chat in this language.
pub(crate) fn write(random: &mut Random, language: Language, marker: &str) -> Text {
    let template = if random.below(ODD_ONE_IN) == 0 { random.pick(ODD) } else { random.pick(phrases(language)) };
    fill(template, marker)
}

/// The text of the `index`-th plain item: one line of Latin text of about the asked length.
pub(crate) fn plain(random: &mut Random, marker: &str, bytes: usize) -> String {
    let mut text = fill(random.pick(ENGLISH_PLAIN), marker).text;
    while text.len() < bytes {
        text.push(' ');
        text.push_str(random.pick(FILLER));
    }
    text
}

fn fill(template: &str, marker: &str) -> Text {
    let marker = template.contains("{ref}").then(|| marker.to_owned());
    let text = template.replace("{ref}", marker.as_deref().unwrap_or_default());
    // Longer than any line that mail allows, without a place to break it.
    let text = text.replace("{long}", &"0123456789abcdef".repeat(75));
    Text { text, marker }
}

fn phrases(language: Language) -> &'static [&'static str] {
    match language {
        Language::English => ENGLISH,
        Language::German => GERMAN,
        Language::Spanish => SPANISH,
        Language::Arabic => ARABIC,
        Language::Hebrew => HEBREW,
        Language::Japanese => JAPANESE,
        Language::Chinese => CHINESE,
        Language::Hindi => HINDI,
        Language::Russian => RUSSIAN,
    }
}

const ENGLISH_PLAIN: &[&str] = &[
    "Order {ref} is confirmed for tomorrow morning.",
    "Could you look at ticket {ref} when you have a minute?",
    "I have sent the papers for {ref} to the client.",
    "No news on {ref} yet, I will call them again.",
];

const FILLER: &[&str] = &[
    "They asked for the usual terms.",
    "I will be in the office until five.",
    "The figures are in the shared folder.",
    "Let me know if anything is missing.",
];

const ENGLISH: &[&str] = &[
    "Morning! Is {ref} still on for ten?",
    "Yes, {ref} went out with the courier an hour ago 👍",
    "Can you approve {ref} before lunch? Legal is waiting.",
    "I'm at the client's, will read {ref} on the train home.",
    "They want 2.5% off {ref}. I said we'd come back to them tomorrow.",
    "Running late, start {ref} without me 🏃‍♀️",
    "Done. Filed under {ref}.",
    "Who has the key for room {ref}?",
    "Happy birthday!! 🎂🎉 (and thanks for closing {ref})",
    "Let's not discuss {ref} here, call me please.",
    "{ref}: price agreed, volume open, signature Thursday.",
    "👍",
    "ok",
    "Thanks 🙏🏽",
];

const GERMAN: &[&str] = &[
    "Guten Morgen, ist {ref} schon freigegeben?",
    "Das Angebot {ref} geht heute noch raus, versprochen.",
    "Für {ref} fehlt mir noch die Unterschrift von Frau Groß.",
    "Bin gerade im Zug, schaue mir {ref} um 16 Uhr an 🚆",
    "Schöne Grüße aus Köln! Vorgang {ref} ist erledigt ✅",
    "Können wir {ref} auf nächste Woche schieben? Mir läuft die Zeit davon.",
    "Die Größe stimmt nicht: {ref} hat 12 mm statt 10 mm.",
    "Bitte {ref} nicht weiterleiten, das ist noch vertraulich.",
    "Alles klar 😊",
];

const SPANISH: &[&str] = &[
    "¿Puedes revisar el pedido {ref} esta mañana?",
    "El señor Ibáñez ya firmó {ref}, te lo mando luego.",
    "Llego tarde, empezad con {ref} sin mí 🙈",
    "¡Buen trabajo con {ref}! 👏👏",
    "Mañana hablamos de {ref}, hoy no me da tiempo.",
    "La factura {ref} tiene un error: pone 1.250,00 € y son 1.520,00 €.",
    "Vale",
];

const ARABIC: &[&str] = &[
    "صباح الخير، هل وصل الطلب {ref}؟",
    "نعم، تم إرسال الملف {ref} قبل قليل 👍",
    "أحتاج إلى توقيعك على العقد {ref} قبل الظهر.",
    "الاجتماع حول {ref} تأجل إلى يوم الأحد.",
    "شكراً جزيلاً 🌷 سأراجع {ref} الليلة.",
];

const HEBREW: &[&str] = &[
    "בוקר טוב, מה קורה עם {ref}?",
    "שלחתי את הטופס {ref} ללקוח, מחכים לתשובה.",
    "אפשר לדחות את {ref} למחר? יש לי פגישה ב-14:00",
    "סגרנו את {ref} 🎉 כל הכבוד לכולם",
    "אני בדרך, תתחילו עם {ref} בלעדיי.",
];

const JAPANESE: &[&str] = &[
    "おはようございます。{ref}の件、確認をお願いします。",
    "{ref}は本日発送しました📦",
    "会議の資料({ref})を共有フォルダに入れておきました。",
    "{ref}の納期は来週の金曜日でよろしいでしょうか?",
    "了解です🙇‍♂️",
];

const CHINESE: &[&str] = &[
    "早上好，{ref} 的合同签好了吗？",
    "{ref} 已经发货，预计明天下午到。",
    "请把 {ref} 的报价单发给我，谢谢！",
    "客户说 {ref} 的价格太高，要再谈一谈。",
    "收到 👌",
];

const HINDI: &[&str] = &[
    "नमस्ते, {ref} का काम कहाँ तक पहुँचा?",
    "{ref} की फ़ाइल भेज दी है, कृपया देख लीजिए।",
    "आज {ref} पर बात नहीं हो पाएगी, कल सुबह करते हैं।",
    "बहुत बढ़िया! {ref} पूरा हो गया 🎊",
    "ठीक है 🙏",
];

const RUSSIAN: &[&str] = &[
    "Доброе утро! Что с заявкой {ref}?",
    "Документы по {ref} отправил, ждём ответа до пятницы.",
    "Перенесём {ref} на завтра? Сегодня не успеваю 😅",
    "Клиент подтвердил {ref}, можно выставлять счёт.",
    "Спасибо, принято 👌",
];

/// Texts that are rare in a chat and common in a bug report.
const ODD: &[&str] = &[
    // Several lines, trailing blanks, a lone carriage return, Windows line ends.
    "Agenda {ref}\n1. Budget\n2. Travel \n\n3. Any other business",
    "Copied from the sheet ({ref}):\r\nnet\t1.250\r\ngross\t1.487,50\r\n",
    "old line one\rold line two {ref}",
    // What mail and mailbox files give a meaning of their own.
    "From {ref} onwards we invoice monthly.\nFrom now on, I mean.",
    ".\n..\nthe dots above are the drawing {ref}",
    "> you wrote {ref}\n>> and they wrote that\n-- \nsignature",
    "--boundary {ref}\nContent-Type: text/plain\n\nnot a header",
    "=?utf-8?B?4p2k?= is how my old phone shows a heart, see {ref} =3D",
    // Markup that must arrive as text.
    "<b>{ref}</b> & <script>alert('no')</script> &amp; <img src=x onerror=alert(1)>",
    "if (a < b && c > d) { return \"{ref}\"; } // it's `fine`",
    "\"Quoted\", 'single', “curly”, «guillemets», back\\slash, 100%, {ref}, $HOME, {}",
    // Links, one with a line length that mail must fold.
    "https://portal.example.com/case/{ref}?lang=de&view=full#part-2",
    "https://files.example.com/{ref}/{long}",
    // Direction marks, mixed scripts, joiners, combining marks, astral characters, selectors, flags, keycaps.
    "\u{200f}הצעה {ref} (final) \u{202b}مع السعر\u{202c} ok?",
    "\u{2067}{ref} — שלום\u{2069} / \u{202a}left\u{202c}",
    "👨‍👩‍👧‍👦 family day {ref}! 👩🏾‍🚀🧑‍🤝‍🧑🏳️‍🌈🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "1️⃣ {ref} 2️⃣ 🇩🇪🇯🇵🇺🇦 ❤️ vs ❤ ☎︎ ☎️",
    "Cafe\u{301} Zu\u{308}rich, nai\u{308}ve A\u{30a}ngstro\u{308}m: {ref} 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𠮷野家",
    "zero\u{200b}width\u{200d}joiner\u{feff}bom non\u{a0}breaking\u{202f}narrow {ref}",
    "    indented {ref}\n\ttabbed\n        deeper",
    // Long, with paragraphs.
    "Summary of the call about {ref}.\n\nWe went through the delivery plan again. The first lot can leave on Monday if the \
     papers are signed by Friday noon; the second needs the new labels, which the printer has promised for the week \
     after.\n\nOpen points: who signs for the warehouse, what happens when the truck comes before seven, and whether the \
     price of the last offer still holds. I think it does, but I would like to have that in writing.\n\nNext call on \
     Tuesday at the same time. Please read the draft before then, it is only four pages. 🙂",
    // Digits that look like something else.
    "12345",
    "+49 171 39200 99 is the new number for {ref}, 0171/39 200-99 the old one",
    "😀",
];

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGES: [Language; 9] = [
        Language::English,
        Language::German,
        Language::Spanish,
        Language::Arabic,
        Language::Hebrew,
        Language::Japanese,
        Language::Chinese,
        Language::Hindi,
        Language::Russian,
    ];

    #[test]
    fn every_text_is_filled_and_marked_when_it_can_be() {
        for template in LANGUAGES.iter().flat_map(|language| phrases(*language)).chain(ODD).chain(ENGLISH_PLAIN) {
            let text = fill(template, "CH-TEST1");
            assert_eq!(text.marker.is_some(), text.text.contains("CH-TEST1"), "{template}");
            assert!(!text.text.contains("{ref}") && !text.text.contains("{long}"), "{template}");
            assert!(!text.text.is_empty());
        }
    }

    #[test]
    fn most_texts_of_each_language_carry_a_marker() {
        for language in LANGUAGES {
            let phrases = phrases(language);
            let marked = phrases.iter().filter(|phrase| phrase.contains("{ref}")).count();
            assert!(marked * 3 >= phrases.len() * 2, "{language:?}");
        }
    }

    #[test]
    fn plain_text_has_the_asked_length() {
        let text = plain(&mut Random::new(1, "plain", 0), "CH-TEST1", 200);
        assert!((200..300).contains(&text.len()), "{}", text.len());
        assert!(text.is_ascii() && text.contains("CH-TEST1"));
    }
}
