//! Words for media, for leaving them out, and for attaching them.
//!
//! "image omitted" is told by two words, not by whole sentences: a noun for a medium and a stem that says it was left
//! out. With the form around them (an app mark, or angle brackets over the whole line) that covers the languages
//! without a list of every sentence.

/// What a medium is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaKind {
    /// A picture.
    Image,
    /// A film, a video note included.
    Video,
    /// Sound, a voice note included.
    Audio,
    /// A moving picture.
    Gif,
    /// A sticker.
    Sticker,
    /// A document.
    Document,
    /// A contact card.
    Contact,
    /// Media, of whatever kind.
    Any,
}

impl MediaKind {
    /// The name in an attachment's extensions.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Gif => "gif",
            Self::Sticker => "sticker",
            Self::Document => "document",
            Self::Contact => "contact",
            Self::Any => "media",
        }
    }
}

/// Nouns, as they stand in folded text. More special ones first: a contact card is no image of a card.
#[rustfmt::skip]
const NOUNS: &[(MediaKind, &[&str])] = &[
    (MediaKind::Gif, &["gif"]),
    (
        MediaKind::Sticker,
        &[
            "sticker", "nálepka", "nálepk", "стикер", "наліпк", "çıkartma", "スタンプ", "ステッカー", "贴图", "貼圖", "表情", "스티커",
            "ملصق", "המדבקה", "מדבקה", "naklejk", "klistermærke", "klistremerke", "tarra", "matrica", "αυτοκόλλητο",
            "figurinha", "adesivo", "autocolante", "pegatina", "stiker", "स्टिकर", "สติกเกอร์", "nhãn dán", "استیکر",
            "برچسب", "autocollant", "abțibild",
        ],
    ),
    (
        MediaKind::Contact,
        &[
            "contact", "kontakt", "contatto", "contato", "contacto", "vizitka", "vizitk", "visitenkarte", "контакт",
            "kişi", "連絡先", "联系人", "聯絡人", "연락처", "جهة اتصال", "بطاقة", "איש קשר", "yhteystie", "névjegy", "επαφή",
            "επαφής", "kartu kontak", "kontak", "संपर्क", "ผู้ติดต่อ", "liên hệ", "مخاطب", "wizytówk",
        ],
    ),
    (
        MediaKind::Document,
        &[
            "document", "dokument", "documento", "documentul", "документ", "belge", "ドキュメント", "文書", "书类", "文档", "文件",
            "문서", "المستند", "مستند", "המסמך", "מסמך", "asiakirja", "έγγραφο", "dokumen", "दस्तावेज़", "เอกสาร",
            "tài liệu", "سند",
        ],
    ),
    (
        MediaKind::Video,
        &[
            "video", "vidéo", "vídeo", "wideo", "видео", "відео", "görüntülü", "ビデオ", "動画", "视频", "影片", "視訊", "비디오",
            "동영상", "فيديو", "الفيديو", "סרטון", "וידאו", "βίντεο", "videó", "videó", "वीडियो", "วิดีโอ", "วีดีโอ",
            "ویدیو", "ویدئو", "película",
        ],
    ),
    (
        MediaKind::Audio,
        &[
            "audio", "áudio", "zvukov", "аудио", "аудіо", "голосов", "ses", "音声", "音频", "语音", "音訊", "語音", "오디오", "음성",
            "المقطع الصوتي", "الصوت", "صوت", "אודיו", "ääni", "hang", "ήχος", "ήχου", "ljud", "lyd", "dźwięk",
            "ऑडियो", "เสียง", "âm thanh", "صدا", "àudio", "glas",
        ],
    ),
    (
        MediaKind::Image,
        &[
            "image", "bild", "foto", "photo", "picture", "imagen", "immagine", "imagem", "imatge", "imagine",
            "afbeelding", "obrázek", "obrázok", "obraz", "изображени", "зображення", "фото", "görüntü", "görsel",
            "resim", "画像", "图像", "图片", "圖片", "相片", "이미지", "사진", "الصورة", "صورة", "התמונה", "תמונה", "kuva", "kép",
            "εικόνα", "billede", "bilde", "gambar", "छवि", "चित्र", "รูปภาพ", "ภาพ", "hình ảnh", "ảnh", "تصویر",
            "عکس", "slika", "slika", "снимк", "слика",
        ],
    ),
    (
        MediaKind::Any,
        &[
            "media", "média", "medien", "médias", "mídia", "multimedia", "multimédia", "multimídia", "medya",
            "medier", "mediefil", "mediji", "medijsk", "médií", "médiá", "медиа", "медіа", "мултимедия", "メディア", "媒体",
            "媒體", "多媒体", "多媒體", "미디어", "الوسائط", "وسائط", "המדיה", "מדיה", "πολυμέσ", "πολυμέσα", "मीडिया", "สื่อ",
            "phương tiện", "médiafájl", "fișier", "archivo", "arquivo", "ficheiro", "fitxer", "fichier", "رسانه",
            "plik", "файл",
        ],
    ),
];

/// Stems that say something was left out, as they stand in folded text.
#[rustfmt::skip]
const OMISSIONS: &[&str] = &[
    "omitted", "omitido", "omitida", "omitidos", "omitidas", "omis", "omès", "omesa", "omess", "omisă", "absent",
    "manquant", "retiré", "exclu", "weggelassen", "ausgelassen", "ausgeschlossen", "ocultad", "oculto", "oculta",
    "eliminado da exporta", "weggelaten", "vynech", "pominię", "pominieto", "отсутств", "пропущен", "опущен", "без ",
    "не включ", "исключен", "вилучен", "dahil edilmedi", "eklenmedi", "çıkarıldı", "含まれていません", "省略", "忽略", "略過", "略过",
    "略去", "已刪除", "생략", "제외", "لم يتم", "استبعاد", "تم استثناء", "محذوف", "حذف", "הושמט", "לא נכלל", "utelämn",
    "utelad", "udelad", "utelat", "jätetty pois", "jätettiin pois", "poistettu", "kihagy", "hiányz", "παραλείφθηκ",
    "παραλείπ", "εξαιρέθηκ", "tidak disertakan", "dilewatkan", "dihilangkan", "ditiadakan", "छोड़", "हटा",
    "शामिल नहीं", "के बिना", "ไม่ได้แนบ", "ไม่รวม", "ถูกละ", "ละเว้น", "bỏ qua", "lược bỏ", "đã bỏ", "پیوست نشد",
    "izostavljen", "izpuščen", "изоставен", "пропуснат", "изпуснат", "uitgesluit", "weggelaat", "ausgelasse",
];

/// Words in the brackets behind an Android file name: the stems of "attached".
#[rustfmt::skip]
const ATTACHED: &[&str] = &[
    "attached", "attachment", "angehängt", "angehangen", "attaché", "joint", "adjunto", "adjuntado", "adjunt",
    "allegato", "anexado", "anexo", "em anexo", "bijgevoegd", "přilož", "prilož", "załącz", "добавлен", "прикреп",
    "вложен", "додано", "прикріп", "ekli", "eklendi", "eklenmiş", "添付", "附件", "附上", "附加", "첨부", "مرفق", "إرفاق",
    "מצורף", "צורף", "bifog", "vedhæft", "vedlagt", "liitet", "liite", "csatol", "atașat", "ataşat", "συνημμέν",
    "επισυνάφθηκε", "επισυνάπτ", "terlampir", "dilampirkan", "संलग्न", "अटैच", "แนบ", "đính kèm", "پیوست", "priložen",
    "pripet", "прикачен", "приложен", "aangeheg",
];

/// Stems that say a medium could be looked at only once.
#[rustfmt::skip]
const VIEW_ONCE: &[&str] = &[
    "view once", "viewed once", "einmalansicht", "einmalig", "vue unique", "affichage unique", "visualización única",
    "visualizza una volta", "visualizzazione singola", "visualização única", "eenmalig", "однократн", "одноразов",
    "jednokrotn", "tek seferlik", "1回限り", "閲覧は1回", "一次性", "閱後即焚", "한 번만",
];

/// True when this folded phrase of the app stands for a medium that could be looked at only once.
pub(crate) fn is_view_once(folded: &str) -> bool {
    VIEW_ONCE.iter().any(|stem| folded.contains(stem))
}

/// The kind of medium that this folded phrase says was left out.
pub(crate) fn omitted(folded: &str) -> Option<MediaKind> {
    if !OMISSIONS.iter().any(|stem| folded.contains(stem)) {
        return None;
    }
    NOUNS.iter().find(|(_, nouns)| nouns.iter().any(|noun| folded.contains(noun))).map(|(kind, _)| *kind)
}

/// True when this folded phrase says that a file is attached.
pub(crate) fn is_attached(folded: &str) -> bool {
    ATTACHED.iter().any(|stem| folded.contains(stem))
}
