//! Sentences of the app itself: taken back, edited, encrypted, and everything about groups.

use std::{collections::HashSet, sync::LazyLock};

/// Whole folded sentences that stand in place of a message that was taken back.
#[rustfmt::skip]
const DELETED: &[&str] = &[
    "this message was deleted", "you deleted this message", "message deleted", "diese nachricht wurde gelöscht",
    "du hast diese nachricht gelöscht", "sie haben diese nachricht gelöscht", "ce message a été supprimé",
    "vous avez supprimé ce message", "tu as supprimé ce message", "este mensaje fue eliminado",
    "se eliminó este mensaje", "eliminaste este mensaje", "este mensaje se eliminó", "has eliminado este mensaje",
    "se ha eliminado este mensaje", "questo messaggio è stato eliminato", "hai eliminato questo messaggio",
    "mensagem apagada", "esta mensagem foi apagada", "essa mensagem foi apagada", "você apagou esta mensagem",
    "apagou esta mensagem", "apagaste esta mensagem", "esta mensagem foi eliminada", "eliminou esta mensagem",
    "dit bericht is verwijderd", "u hebt dit bericht verwijderd", "je hebt dit bericht verwijderd",
    "jij hebt dit bericht verwijderd", "u heeft dit bericht verwijderd", "tato zpráva byla odstraněna",
    "tuto zprávu jste odstranil/a", "tato zpráva byla smazána", "tuto zprávu jste smazal/a",
    "túto správu ste odstránili", "táto správa bola odstránená", "данное сообщение удалено",
    "вы удалили данное сообщение", "это сообщение удалено", "вы удалили это сообщение", "сообщение удалено",
    "це повідомлення видалено", "ви видалили це повідомлення", "цe повідомлення було видалено",
    "ta wiadomość została usunięta", "usunięto tę wiadomość", "ta wiadomość została skasowana",
    "usunąłeś tę wiadomość", "ta wiadomość została usunięta przez ciebie", "wiadomość usunięta",
    "skasowałeś tę wiadomość", "bu mesaj silindi", "bu mesajı sildiniz", "bu mesajı sildin", "このメッセージは削除されました",
    "このメッセージを削除しました", "あなたはこのメッセージを削除しました", "メッセージを削除しました", "此消息已删除", "这条消息已删除", "你删除了这条消息", "您删除了这条消息", "你已删除此消息",
    "此訊息已被刪除", "此訊息已刪除", "你已刪除這則訊息", "您已刪除這則訊息", "這則訊息已刪除", "你刪除了此訊息", "您刪除了此訊息", "삭제된 메시지입니다", "이 메시지는 삭제되었습니다",
    "이 메시지를 삭제했습니다", "이 메시지를 삭제하셨습니다", "تم حذف هذه الرسالة", "حذفت هذه الرسالة", "أنت حذفت هذه الرسالة",
    "لقد حذفت هذه الرسالة", "تم حذف الرسالة", "הודעה זו נמחקה", "מחקת הודעה זו", "ההודעה הזאת נמחקה",
    "این پیام حذف شد", "این پیام حذف شده است", "شما این پیام را حذف کردید", "det här meddelandet raderades",
    "du raderade det här meddelandet", "det här meddelandet togs bort", "du tog bort det här meddelandet",
    "denne besked blev slettet", "du slettede denne besked", "denne meldingen ble slettet",
    "du slettet denne meldingen", "meldingen ble slettet", "tämä viesti poistettiin", "tämä viesti on poistettu",
    "poistit tämän viestin", "ezt az üzenetet törölték", "törölted ezt az üzenetet", "üzenet törölve",
    "acest mesaj a fost șters", "ai șters acest mesaj", "αυτό το μήνυμα διαγράφηκε", "το μήνυμα αυτό διαγράφηκε",
    "διαγράψατε αυτό το μήνυμα", "pesan ini telah dihapus", "pesan ini dihapus", "anda telah menghapus pesan ini",
    "anda menghapus pesan ini", "mesej ini telah dipadam", "anda telah memadam mesej ini", "यह संदेश मिटाया गया",
    "आपने यह संदेश मिटाया", "यह मैसेज डिलीट किया गया", "यह मैसेज मिटाया गया", "आपने यह मैसेज मिटा दिया",
    "ข้อความนี้ถูกลบแล้ว", "คุณลบข้อความนี้แล้ว", "tin nhắn này đã bị xóa", "tin nhắn này đã bị xoá",
    "bạn đã xóa tin nhắn này", "bạn đã xoá tin nhắn này", "aquest missatge s'ha suprimit",
    "has suprimit aquest missatge", "s'ha suprimit aquest missatge", "ova poruka je izbrisana",
    "izbrisali ste ovu poruku", "то сообщение удалено", "това съобщение бе изтрито", "изтрихте това съобщение",
];

/// Beginnings of such sentences that name who took it back.
#[rustfmt::skip]
const DELETED_BEGINNINGS: &[&str] = &[
    "this message was deleted by admin", "diese nachricht wurde von admin", "diese nachricht wurde vom admin",
    "este mensaje fue eliminado por", "mensagem apagada por", "ce message a été supprimé par l",
];

/// Folded words between angle brackets that say a message was edited, for files that lost their marks.
#[rustfmt::skip]
const EDITED: &[&str] = &[
    "this message was edited", "diese nachricht wurde bearbeitet", "ce message a été modifié",
    "se editó este mensaje", "este mensaje fue editado", "mensaje editado", "questo messaggio è stato modificato",
    "mensagem editada", "esta mensagem foi editada", "dit bericht is bewerkt", "tato zpráva byla upravena",
    "данное сообщение изменено", "сообщение изменено", "ta wiadomość została edytowana", "bu mesaj düzenlendi",
    "このメッセージは編集済みです", "此消息已编辑", "此訊息已編輯", "تم تعديل هذه الرسالة", "det här meddelandet har redigerats",
];

/// Phrases of notices: encryption, security codes, numbers, timers, blocking.
#[rustfmt::skip]
const NOTICES: &[&str] = &[
    "end-to-end", "ende-zu-ende", "bout en bout", "extremo a extremo", "ponta a ponta", "crittograf", "crittografat",
    "koncovým šifrován", "koncové šifrov", "šifrován", "сквозн", "наскрізн", "uçtan uca", "エンドツーエンド", "端到端", "端對端",
    "종단간", "مشفر", "تشفير", "מקצה לקצה", "från ände till ände", "totalsträckskrypter", "ende-til-ende",
    "ende til ende", "päästä päähän", "végpontok között", "végpontok közötti", "integral", "διατερματικ",
    "secara end-to-end", "एंड-टू-एंड", "đầu cuối", "ต้นทางถึงปลายทาง", "your security code", "security code with",
    "sicherheitsnummer", "sicherheitscode", "code de sécurité", "código de seguridad", "codice di sicurezza",
    "código de segurança", "beveiligingscode", "bezpečnostní kód", "код безопасности", "код безпеки", "kod bezpiecze",
    "güvenlik kodu", "セキュリティコード", "安全码", "安全碼", "보안 코드", "changed their phone number", "changed to a new number",
    "disappearing messages", "message timer", "messages will disappear", "selbstlöschende nachrichten",
    "messages éphémères", "mensajes temporales", "messaggi effimeri", "mensagens temporárias",
    "verdwijnende berichten", "исчезающие сообщения", "süreli mesajlar", "blocked this contact",
    "unblocked this contact", "du hast diesen kontakt", "is a contact", "this business", "business account",
    "official business", "unternehmenskonto", "waiting for this message", "warte auf diese nachricht",
    "in your contacts",
];

/// Phrases of group life. A line with one of them is about a group.
#[rustfmt::skip]
const MEMBERSHIP: &[&str] = &[
    "created group", "created this group", "created the group", " added you", "you added ", " added ", " was added",
    "you were added", " left", " removed ", " was removed", "you removed", " joined using", " joined from",
    " joined via", "joined the group", "joined this group", "changed the subject", "changed the group",
    "changed this group", "changed group", "changed this group's icon", "deleted this group's icon",
    "you're now an admin", "now an admin", "no longer an admin", "requested to join", "invite link",
    "changed the description", "pinned a message", "community", "hat die gruppe", "hast die gruppe", "hinzugefügt",
    "hat dich hinzugefügt", "entfernt", "verlassen", "ist beigetreten", "bist beigetreten", "gruppenbild",
    "gruppenbeschreibung", "gruppenbetreff", "gruppeneinstellungen", "den betreff", "zum admin", "jetzt ein admin",
    "gruppennamen", "erstellte die gruppe", "einladungslink", "a créé le groupe", "avez créé le groupe", "a ajouté",
    "vous a ajouté", "avez ajouté", "a été ajouté", "a quitté", "est parti", "a retiré", "a supprimé", "a rejoint",
    "a changé l'objet", "a changé le sujet", "a modifié", "a changé l’", "a changé la", "l'icône", "creó el grupo",
    "creaste el grupo", "añadió a", "te añadió", "añadiste", "agregó", "salió del grupo", "salió", "eliminó a",
    "se unió", "cambió el asunto", "cambió el ícono", "cambió el icono", "cambió la descripción", "cambió el nombre",
    "cambió los ajustes", "ha creato il gruppo", "hai creato il gruppo", "ha aggiunto", "hai aggiunto",
    "ti ha aggiunto", "ha abbandonato", "è uscito", "ha rimosso", "hai rimosso", "si è unito",
    "ha cambiato l'oggetto", "ha modificato", "ha cambiato", "criou o grupo", "criou este grupo", "adicionou",
    "adicionou você", "saiu", "removeu", "entrou usando", "entrou no grupo", "mudou o assunto", "mudou o nome",
    "mudou a imagem", "mudou a descrição", "alterou", "você foi adicionado", "foi adicionado", "heeft de groep",
    "hebt de groep", "toegevoegd", "heeft de groep verlaten", "verwijderde", "heeft verwijderd", "is toegetreden",
    "heeft het onderwerp", "groepsomschrijving", "groepsafbeelding", "aangemaakt", "vytvořil", "přidal", "přidán",
    "odebral", "opustil", "změnil předmět", "změnil", "připojil", "создал", "создала", "добавил", "добавила",
    "вас добавили", "вы добавили", "удалил", "удалила", "покинул", "вышел из группы", "вышла из группы", "вышел",
    "вышла", "присоединил", "изменил тему", "изменил", "изменила", "теперь админ", "назначили админ", "створив",
    "створила", "додав", "додала", "вилучив", "вийшов", "вийшла", "приєдна", "змінив", "змінила", "utworzył", "dodał",
    "usunął", "usunęła", "opuścił", "dołączył", "zmienił", "zmieniła", "grubunu oluşturdu", "grubu oluşturdu",
    "ekledi", "eklediniz", "çıkardı", "ayrıldı", "katıldı", "konusunu değiştirdi", "değiştirdi", "グループを作成", "グループ「",
    "追加しました", "を追加", "退出しました", "退会", "削除しました", "参加しました", "件名を", "変更しました", "创建了群", "创建了此群", "添加了", "退出了", "离开了", "移除了",
    "加入了", "更改了", "修改了", "建立了群", "新增了", "已加入", "已退出", "已將", "变更了", "變更了", "그룹을 만들", "초대했습니다", "추가했습니다", "나갔습니다",
    "내보냈습니다", "참여했습니다", "변경했습니다", "أنشأ", "أضاف", "تمت إضافت", "غادر", "أزال", "انضم", "غيّر", "غير موضوع",
    "قام بتغيير", "יצר", "הוסיף", "הוסיפה", "עזב", "עזבה", "הסיר", "הצטרף", "שינה", "skapade grupp",
    "skapade den här gruppen", "lade till", "lämnade", "tog bort", "gick med", "ändrade", "oprettede gruppe",
    "tilføjede", "forlod", "fjernede", "ændrede", "opprettet gruppe", "la til", "forlot", "fjernet", "endret",
    "loi ryhmän", "lisäsi", "lähti", "poisti", "liittyi", "vaihtoi", "létrehozta", "hozzáadta", "kilépett",
    "eltávolította", "csatlakozott", "megváltoztatta", "a creat grupul", "a adăugat", "a ieșit", "a părăsit",
    "a eliminat", "s-a alăturat", "a schimbat", "δημιούργησε", "πρόσθεσε", "αποχώρησε", "αφαίρεσε", "εντάχθηκε",
    "άλλαξε", "membuat grup", "menambahkan", "keluar", "mengeluarkan", "bergabung", "mengubah", "बनाया", "जोड़ा",
    "छोड़ दिया", "हटाया", "बदला", "đã tạo nhóm", "đã thêm", "đã rời", "đã xóa", "đã tham gia", "đã đổi",
    "đã thay đổi",
];

/// Beginnings of folded sentences that only the app writes, also where it leaves no mark and gives an author.
#[rustfmt::skip]
const APP_SENTENCES: &[&str] = &[
    "messages and calls are end-to-end encrypted", "messages you send to this", "messages to this chat and calls are",
    "messages to this group are", "messages are end-to-end encrypted", "nachrichten und anrufe sind ende-zu-ende",
    "nachrichten, die du in diesem chat", "nachrichten in diesem chat", "les messages et les appels sont chiffrés",
    "les messages et appels sont chiffrés", "los mensajes y las llamadas están cifrados",
    "los mensajes y llamadas están cifrados", "los mensajes y llamadas en este chat",
    "i messaggi e le chiamate sono crittografati", "as mensagens e as ligações são protegidas",
    "as mensagens e as chamadas são", "as mensagens e ligações", "berichten en oproepen worden end-to-end",
    "berichten en gesprekken", "zprávy a hovory jsou", "сообщения и звонки защищены", "wiadomości i połączenia są",
    "mesajlar ve aramalar uçtan uca", "メッセージと通話はエンドツーエンド", "your security code with",
];

/// Words for polls as they stand before a colon on the first line, folded.
#[rustfmt::skip]
const POLLS: &[&str] = &[
    "poll", "umfrage", "sondage", "encuesta", "sondaggio", "enquete", "sondagem", "peiling", "poll:", "anketa",
    "опрос", "опитування", "ankieta", "anket", "アンケート", "投票", "투표", "استطلاع", "استطلاع رأي", "סקר", "omröstning",
    "afstemning", "avstemning", "kysely", "szavazás", "sondaj", "δημοσκόπηση", "polling", "jajak pendapat", "पोल",
    "bình chọn", "cuộc thăm dò",
];

/// Words for a place that is shared as it moves, folded.
#[rustfmt::skip]
const LIVE_LOCATIONS: &[&str] = &[
    "live location shared", "live-standort geteilt", "live-standort wird geteilt", "localisation en direct partagée",
    "ubicación en tiempo real", "posizione attuale condivisa", "localização em tempo real", "live locatie gedeeld",
    "данные о местоположении", "canlı konum paylaşıldı",
];

/// [`DELETED`], to look up nearly every message in.
static DELETED_SET: LazyLock<HashSet<&str>> = LazyLock::new(|| DELETED.iter().copied().collect());

/// True for a sentence in place of a message that was taken back.
pub(crate) fn is_deleted(folded: &str) -> bool {
    DELETED_SET.contains(folded) || DELETED_BEGINNINGS.iter().any(|beginning| folded.starts_with(beginning))
}

/// True for the words that say a message was edited, without their brackets.
pub(crate) fn is_edited(folded: &str) -> bool {
    EDITED.contains(&folded)
}

/// True for a notice of the app.
pub(crate) fn is_notice(folded: &str) -> bool {
    NOTICES.iter().any(|phrase| folded.contains(phrase))
}

/// True for a line about a group's life.
pub(crate) fn is_membership(folded: &str) -> bool {
    MEMBERSHIP.iter().any(|phrase| folded.contains(phrase))
}

/// True for a sentence that only the app writes.
pub(crate) fn is_app_sentence(folded: &str) -> bool {
    APP_SENTENCES.iter().any(|beginning| folded.starts_with(beginning))
}

/// True for the word that begins a poll, without its colon.
pub(crate) fn is_poll(folded: &str) -> bool {
    POLLS.contains(&folded)
}

/// True for a live location.
pub(crate) fn is_live_location(folded: &str) -> bool {
    LIVE_LOCATIONS.iter().any(|phrase| folded.starts_with(phrase))
}
