//! Sentences for calls.

use std::{collections::HashMap, sync::LazyLock};

use kit::{Call, CallOutcome};

/// The words of a call, whether it is a video call, whether it was missed.
type CallWords = (&'static str, bool, bool);

/// Beginnings of folded text that name a call. Longer ones first where one begins with
/// another.
#[rustfmt::skip]
const CALLS: &[CallWords] = &[
    ("missed group voice call", false, true), ("missed group video call", true, true),
    ("missed voice call", false, true), ("missed video call", true, true), ("silenced voice call", false, true),
    ("silenced video call", true, true), ("group voice call", false, false), ("group video call", true, false),
    ("voice call", false, false), ("video call", true, false), ("verpasster gruppen-sprachanruf", false, true),
    ("verpasster sprachanruf", false, true), ("verpasster videoanruf", true, true), ("verpasster anruf", false, true),
    ("sprachanruf", false, false), ("videoanruf", true, false), ("appel vocal manqué", false, true),
    ("appel vidéo manqué", true, true), ("appel manqué", false, true), ("appel vocal", false, false),
    ("appel vidéo", true, false), ("llamada de voz perdida", false, true), ("videollamada perdida", true, true),
    ("llamada perdida", false, true), ("llamada de voz", false, false), ("videollamada", true, false),
    ("chiamata vocale persa", false, true), ("videochiamata persa", true, true), ("chiamata persa", false, true),
    ("chiamata vocale", false, false), ("videochiamata", true, false), ("ligação de voz perdida", false, true),
    ("ligação de vídeo perdida", true, true), ("chamada de voz perdida", false, true),
    ("chamada de vídeo perdida", true, true), ("videochamada perdida", true, true), ("ligação de voz", false, false),
    ("ligação de vídeo", true, false), ("chamada de voz", false, false), ("chamada de vídeo", true, false),
    ("videochamada", true, false), ("gemiste spraakoproep", false, true), ("gemiste video-oproep", true, true),
    ("gemist videogesprek", true, true), ("gemiste videooproep", true, true), ("gemiste oproep", false, true),
    ("spraakoproep", false, false), ("video-oproep", true, false), ("videogesprek", true, false),
    ("zmeškaný hlasový hovor", false, true), ("zmeškaný videohovor", true, true), ("zmeškaný hovor", false, true),
    ("hlasový hovor", false, false), ("videohovor", true, false), ("nieodebrane połączenie głosowe", false, true),
    ("nieodebrane połączenie wideo", true, true), ("nieodebrana rozmowa wideo", true, true),
    ("nieodebrane połączenie", false, true), ("połączenie głosowe", false, false), ("połączenie wideo", true, false),
    ("rozmowa wideo", true, false), ("пропущенный аудиозвонок", false, true), ("пропущенный видеозвонок", true, true),
    ("пропущенный звонок", false, true), ("аудиозвонок", false, false), ("видеозвонок", true, false),
    ("пропущений аудіодзвінок", false, true), ("пропущений голосовий виклик", false, true),
    ("пропущений відеодзвінок", true, true), ("пропущений відеовиклик", true, true), ("аудіодзвінок", false, false),
    ("відеодзвінок", true, false), ("cevapsız sesli arama", false, true), ("cevapsız görüntülü arama", true, true),
    ("sesli arama", false, false), ("görüntülü arama", true, false), ("音声通話不在着信", false, true),
    ("ビデオ通話不在着信", true, true), ("不在着信", false, true), ("音声通話", false, false), ("ビデオ通話", true, false),
    ("未接语音通话", false, true), ("未接视频通话", true, true), ("语音通话", false, false), ("视频通话", true, false),
    ("未接語音通話", false, true), ("未接視訊通話", true, true), ("語音通話", false, false), ("視訊通話", true, false),
    ("부재중 음성통화", false, true), ("부재중 영상통화", true, true), ("음성통화", false, false), ("영상통화", true, false),
    ("مكالمة صوتية فائتة", false, true), ("مكالمة فيديو فائتة", true, true), ("مكالمة صوتية", false, false),
    ("مكالمة فيديو", true, false), ("שיחה קולית שלא נענתה", false, true), ("שיחת וידאו שלא נענתה", true, true),
    ("שיחה קולית", false, false), ("שיחת וידאו", true, false), ("missat röstsamtal", false, true),
    ("missat videosamtal", true, true), ("röstsamtal", false, false), ("videosamtal", true, false),
    ("ubesvaret taleopkald", false, true), ("ubesvaret videoopkald", true, true), ("taleopkald", false, false),
    ("videoopkald", true, false), ("ubesvart taleanrop", false, true), ("tapt taleanrop", false, true),
    ("ubesvart videoanrop", true, true), ("tapt videoanrop", true, true), ("taleanrop", false, false),
    ("videoanrop", true, false), ("vastaamaton äänipuhelu", false, true), ("vastaamaton videopuhelu", true, true),
    ("äänipuhelu", false, false), ("videopuhelu", true, false), ("nem fogadott hanghívás", false, true),
    ("nem fogadott videóhívás", true, true), ("hanghívás", false, false), ("videóhívás", true, false),
    ("apel vocal nepreluat", false, true), ("apel vocal pierdut", false, true), ("apel video nepreluat", true, true),
    ("apel video pierdut", true, true), ("apel vocal", false, false), ("apel video", true, false),
    ("αναπάντητη φωνητική κλήση", false, true), ("αναπάντητη κλήση βίντεο", true, true),
    ("αναπάντητη βιντεοκλήση", true, true), ("φωνητική κλήση", false, false), ("βιντεοκλήση", true, false),
    ("panggilan suara tak terjawab", false, true), ("panggilan video tak terjawab", true, true),
    ("panggilan suara", false, false), ("panggilan video", true, false), ("मिस्ड वॉइस कॉल", false, true),
    ("मिस्ड वीडियो कॉल", true, true), ("वॉइस कॉल", false, false), ("वीडियो कॉल", true, false),
    ("cuộc gọi thoại nhỡ", false, true), ("cuộc gọi video nhỡ", true, true), ("cuộc gọi thoại", false, false),
    ("cuộc gọi video", true, false),
];

/// [`CALLS`] by their first character: nearly every message is looked up here.
static CALLS_BY_FIRST: LazyLock<HashMap<char, Vec<&CallWords>>> = LazyLock::new(|| {
    let mut calls: HashMap<char, Vec<_>> = HashMap::new();
    for call in CALLS {
        calls.entry(call.0.chars().next().unwrap_or_default()).or_default().push(call);
    }
    calls
});

/// Words behind a call's name that say nobody picked up.
#[rustfmt::skip]
const UNANSWERED: &[&str] = &[
    "no answer", "not answered", "unanswered", "keine antwort", "nicht angenommen", "sans réponse", "pas de réponse",
    "sin respuesta", "no contestad", "nessuna risposta", "sem resposta", "não atendid", "geen antwoord",
    "bez odpovědi", "brak odpowiedzi", "нет ответа", "без ответа", "немає відповіді", "cevap yok", "cevaplanmadı",
    "応答なし", "無応答", "无应答", "未接听", "無人接聽", "응답 없음", "لا يوجد رد", "אין מענה", "inget svar", "intet svar", "ikke svar",
    "ei vastausta", "nincs válasz", "niciun răspuns", "δεν απαντήθηκε", "tidak dijawab", "कोई जवाब नहीं",
    "không trả lời",
];
/// Words that say it was refused.
#[rustfmt::skip]
const DECLINED: &[&str] = &[
    "declined", "abgelehnt", "refusé", "rechazad", "rifiutat", "recusad", "geweigerd", "odmítnut", "odrzucon",
    "отклон", "відхилен", "reddedildi", "拒否", "拒绝", "拒絕", "거절", "avvisa",
];
/// Words that say it could not be set up.
#[rustfmt::skip]
const FAILED: &[&str] = &[
    "failed", "fehlgeschlagen", "échoué", "fallid", "non riuscita", "falhou", "mislukt", "nie powiodło", "не удал",
    "başarısız", "canceled", "cancelled", "abgebrochen",
];

/// Beginnings of the units of a length, in seconds; longer ones first where one begins with another.
#[rustfmt::skip]
const UNITS: &[(&str, u64)] = &[
    ("min", 60), ("mín", 60), ("мин", 60), ("хв", 60), ("дак", 60), ("dk", 60), ("dak", 60), ("分", 60), ("분", 60),
    ("دقيق", 60), ("دقائق", 60), ("דק", 60), ("λεπ", 60), ("perc", 60), ("menit", 60), ("मिनट", 60), ("phút", 60),
    ("นาที", 60), ("sec", 1), ("sek", 1), ("seg", 1), ("sn", 1), ("san", 1), ("сек", 1), ("с", 1), ("秒", 1), ("초", 1),
    ("ثاني", 1), ("ثوان", 1), ("שני", 1), ("δευτ", 1), ("másodperc", 1), ("mp", 1), ("detik", 1), ("सेकंड", 1),
    ("giây", 1), ("วินาที", 1), ("s", 1), ("std", 3600), ("stund", 3600), ("saat", 3600), ("sa", 3600),
    ("hour", 3600), ("hr", 3600), ("heure", 3600), ("hora", 3600), ("ora", 3600), ("ore", 3600), ("ór", 3600),
    ("uur", 3600), ("hod", 3600), ("godz", 3600), ("timm", 3600), ("tim", 3600), ("tunti", 3600), ("ч", 3600),
    ("год", 3600), ("小时", 3600), ("小時", 3600), ("時間", 3600), ("시간", 3600), ("ساع", 3600), ("שע", 3600), ("ώρ", 3600),
    ("jam", 3600), ("घंट", 3600), ("giờ", 3600), ("h", 3600), ("m", 60),
];

/// The call that this folded text tells of. Without the app's mark only a missed call, or one with its outcome or
/// length, counts: people write `voice call` themselves.
pub(crate) fn call(folded: &str, marked: bool) -> Option<Call> {
    let (name, video, missed) = CALLS_BY_FIRST
        .get(&folded.chars().next()?)?
        .iter()
        .find(|(name, ..)| folded.strip_prefix(name).is_some_and(|rest| !rest.starts_with(char::is_alphabetic)))?;
    let rest = folded[name.len()..].trim();
    let says = |words: &[&str]| words.iter().any(|word| rest.contains(word));
    let duration_ms = duration_ms(rest);
    let outcome = if *missed || says(UNANSWERED) {
        CallOutcome::Missed
    } else if says(DECLINED) {
        CallOutcome::Declined
    } else if says(FAILED) {
        CallOutcome::Failed
    } else if duration_ms.is_some() {
        CallOutcome::Answered
    } else {
        CallOutcome::Unknown
    };
    let parted = rest.is_empty() || rest.starts_with([',', '.', ';', '،', '、', '，', ':', '•', '·', '(', '-', '–']);
    let sure = marked || (parted && rest.chars().count() <= 40 && outcome != CallOutcome::Unknown);
    sure.then_some(Call {
        video: *video,
        outcome,
        duration_ms: if outcome == CallOutcome::Answered { duration_ms } else { None },
    })
}

/// The length in `5 min`, `1 hr 2 min`, `1:02:03`.
fn duration_ms(text: &str) -> Option<u64> {
    let mut seconds = 0_u64;
    let mut found = false;
    let mut rest = text;
    while let Some(start) = rest.find(|c| crate::chars::digit(c).is_some()) {
        rest = &rest[start..];
        let length = rest.find(|c| crate::chars::digit(c).is_none()).unwrap_or(rest.len());
        let value = rest[..length]
            .chars()
            .filter_map(crate::chars::digit)
            .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit)))?;
        rest = &rest[length..];
        if rest.starts_with(':') || (found && seconds > 0 && text.contains(':')) {
            seconds = seconds.checked_mul(60)?.checked_add(value)?;
            found = true;
            continue;
        }
        let unit = rest.trim_start();
        let (_, unit_seconds) = UNITS.iter().find(|(unit_name, _)| unit.starts_with(unit_name))?;
        seconds = seconds.checked_add(value.checked_mul(*unit_seconds)?)?;
        found = true;
    }
    (found && seconds <= 7 * 86_400).then(|| seconds * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::fold;

    #[test]
    fn calls_are_told_from_talk_about_calls() {
        use CallOutcome::{Answered, Missed, Unknown};
        let seen =
            |text: &str, marked| call(&fold(text), marked).map(|call| (call.video, call.outcome, call.duration_ms));
        for (text, marked, expected) in [
            ("Missed voice call", false, Some((false, Missed, None))),
            ("Missed video call. Tap to call back.", true, Some((true, Missed, None))),
            ("Video call, 5 min", false, Some((true, Answered, Some(300_000)))),
            ("Voice call. \u{200E}1 hr 2 min", true, Some((false, Answered, Some(3_720_000)))),
            ("Voice call, 45 sec", true, Some((false, Answered, Some(45_000)))),
            ("Video call, No answer", true, Some((true, Missed, None))),
            ("Voice call", true, Some((false, Unknown, None))),
            ("Voice call", false, None),
            ("Video call at 5 min past?", false, None),
            ("voice calls are great", true, None),
            ("Sprachanruf, 12 Min.", true, Some((false, Answered, Some(720_000)))),
            ("Verpasster Videoanruf um 15:03", true, Some((true, Missed, None))),
            ("Gemiste spraakoproep", false, Some((false, Missed, None))),
            ("Zmeškaný hovor", false, Some((false, Missed, None))),
            ("Пропущенный аудиозвонок", false, Some((false, Missed, None))),
            ("Görüntülü arama, 3 dk.", true, Some((true, Answered, Some(180_000)))),
            ("ビデオ通話、5分", true, Some((true, Answered, Some(300_000)))),
            ("Voice call, 1:02:03", true, Some((false, Answered, Some(3_723_000)))),
            ("Missed you", false, None),
        ] {
            assert_eq!(seen(text, marked), expected, "{text}");
        }
    }
}
