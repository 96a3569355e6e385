//! File names of exports in people's languages.

/// What stands before and behind the chat's title in an export's file name, lower case. Longer forms first where one
/// begins with another.
#[rustfmt::skip]
const FORMS: &[(&str, &str)] = &[
    ("whatsapp chat with ", ""), ("whatsapp chat - ", ""), ("whatsapp-chat mit ", ""), ("whatsapp chat mit ", ""),
    ("whatsapp-chat - ", ""), ("chat de whatsapp con ", ""), ("chat de whatsapp amb ", ""),
    ("xat de whatsapp amb ", ""), ("conversación de whatsapp con ", ""), ("discussion whatsapp avec ", ""),
    ("discussion whatsapp - ", ""), ("conversation whatsapp avec ", ""), ("conversa do whatsapp com ", ""),
    ("conversa do whatsapp - ", ""), ("conversa de whatsapp com ", ""), ("chat do whatsapp com ", ""),
    ("chat whatsapp con ", ""), ("chat whatsapp - ", ""), ("chat di whatsapp con ", ""), ("whatsapp-chat met ", ""),
    ("whatsapp-gesprek met ", ""), ("whatsapp-chatt med ", ""), ("whatsapp-chat med ", ""),
    ("whatsapp-samtale med ", ""), ("czat whatsapp z ", ""), ("czat whatsapp - ", ""), ("whatsapp chat s ", ""),
    ("whatsapp konverzace s ", ""), ("konverzace whatsapp s ", ""), ("чат whatsapp с ", ""), ("чат whatsapp з ", ""),
    ("чат whatsapp - ", ""), ("чат в whatsapp с ", ""), ("whatsapp sohbeti - ", ""), ("", " ile whatsapp sohbeti"),
    ("whatsapp-keskustelu - ", ""), ("whatsapp-beszélgetés vele_ ", ""), ("whatsapp-beszélgetés vele: ", ""),
    ("conversație whatsapp cu ", ""), ("συνομιλία whatsapp με ", ""), ("chat whatsapp dengan ", ""),
    ("obrolan whatsapp dengan ", ""), ("sembang whatsapp dengan ", ""), ("cuộc trò chuyện whatsapp với ", ""),
    ("แชท whatsapp กับ ", ""), ("whatsapp 聊天 - ", ""), ("whatsapp 聊天记录 - ", ""), ("whatsapp 對話 - ", ""),
    ("与", "的 whatsapp 聊天"), ("與", "的 whatsapp 對話"), ("whatsappチャット - ", ""), ("whatsapp トーク - ", ""),
    ("", "とのwhatsappチャット"), ("", "님과의 whatsapp 대화"), ("whatsapp 대화 - ", ""), ("محادثة واتساب مع ", ""),
    ("محادثة whatsapp مع ", ""), ("دردشة واتساب مع ", ""), ("צ'אט whatsapp עם ", ""), ("", " के साथ whatsapp चैट"),
    ("", " के साथ व्हाट्सऐप चैट"), ("گپ واتساپ با ", ""), ("whatsapp - ", ""),
];

/// Names that say nothing about the chat.
const EMPTY_NAMES: &[&str] =
    &["", "chat", "_chat", "whatsapp chat", "whatsapp", "export", "archive", "archiv", "whatsapp-chat", "messages"];

/// The chat's title in a folded file name without its ending, where the name is an export's: its range.
pub(crate) fn title_range(folded: &str) -> Option<std::ops::Range<usize>> {
    FORMS
        .iter()
        .find_map(|(before, behind)| {
            let rest = folded.strip_prefix(before)?.strip_suffix(behind)?;
            let start = before.len();
            (!rest.trim().is_empty()).then_some(start..start + rest.len())
        })
        .filter(|range| range.len() < folded.len())
}

/// True for a file name, without its ending, that only exports have.
pub(crate) fn is_export_name(stem: &str) -> bool {
    title_range(&stem.to_lowercase()).is_some()
}

/// True for a file name that says nothing about the chat.
pub(crate) fn is_empty_name(stem: &str) -> bool {
    EMPTY_NAMES.contains(&stem.to_lowercase().as_str())
}
