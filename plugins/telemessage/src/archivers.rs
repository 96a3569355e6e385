//! The TeleMessage family: its archivers, and the mailbox folder that Microsoft's connector of the same name uses (Microsoft Learn,
//! "Archive third-party data": a page for each). A slash would be a level of folders, so these have a hyphen.
//!
//! `telemessage-sftp` takes in this very file: a crate between the two would carry this source's exports into the other.

/// The archivers and the mailbox folder that Microsoft's connector of the same name uses.
pub(crate) const ARCHIVERS: [(&str, &str); 12] = [
    ("whatsapp", "WhatsApp Archiver"),
    ("signal", "Signal Archiver"),
    ("telegram", "Telegram Archiver"),
    ("wechat", "WeChat Archiver"),
    ("android", "Android Archiver"),
    ("att", "AT&T SMS-MMS Network Archiver"),
    ("bell", "Bell SMS-MMS Network Archiver"),
    ("enterprise-number", "Enterprise Number Archiver"),
    ("o2", "O2 SMS and Voice Network Archiver"),
    ("rogers", "Rogers SMS-MMS Network Archiver"),
    ("telus", "TELUS SMS Network Archiver"),
    ("verizon", "Verizon SMS-MMS Network Archiver"),
];

/// The archiver of a setting, WhatsApp's without one; else what is wrong with it.
pub(crate) fn known(setting: Option<&str>) -> Result<&'static str, String> {
    let wanted = setting.unwrap_or("whatsapp");
    let found = ARCHIVERS.iter().find(|(name, _)| *name == wanted);
    found.map(|(name, _)| *name).ok_or_else(|| {
        let names: Vec<&str> = ARCHIVERS.iter().map(|(name, _)| *name).collect();
        format!("the setting `archiver` must be one of: {}", names.join(", "))
    })
}

/// What the `archiver` setting makes of the default folder, as the descriptor's extension `folders` has it.
pub(crate) fn folders() -> String {
    let pairs: Vec<String> = ARCHIVERS.iter().map(|(name, folder)| format!("\"{name}\":\"{folder}\"")).collect();
    format!("{{\"archiver\":{{{}}}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;
    use crate::describe::descriptor;

    #[test]
    fn schema_and_folders_name_the_same_archivers() {
        let descriptor = descriptor();
        let schema: serde_json::Value = serde_json::from_str(&descriptor.settings_schema).unwrap();
        let names = schema["properties"]["archiver"]["enum"].as_array().unwrap();
        let names: Vec<&str> = names.iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(names, ARCHIVERS.map(|(name, _)| name));
        let (_, folders) = descriptor.extensions.iter().find(|(name, _)| name == "folders").unwrap();
        let folders: serde_json::Value = serde_json::from_str(folders).unwrap();
        assert_eq!(folders["archiver"]["verizon"], "Verizon SMS-MMS Network Archiver");
        assert_eq!(folders["archiver"].as_object().unwrap().len(), names.len());
    }

    #[test]
    fn one_that_is_none_is_refused() {
        assert_eq!(known(None), Ok("whatsapp"));
        assert_eq!(known(Some("o2")), Ok("o2"));
        assert!(known(Some("fax")).unwrap_err().ends_with("telus, verizon"));
    }
}
