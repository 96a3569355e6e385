//! The building blocks of `glue.rs`: `From` between a record or enum of this crate and its twin in the bindings.
//!
//! They are macros because the bindings are other types in every plugin; `From` may be written for them there, since
//! one side of it is always the plugin's own.

/// One field's value: as it is, converted, or converted inside its option or list.
#[doc(hidden)]
#[macro_export]
macro_rules! __carry_value {
    ($value:expr) => {
        $value
    };
    ($value:expr, plain) => {
        $value
    };
    ($value:expr, into) => {
        ::core::convert::Into::into($value)
    };
    ($value:expr, inner) => {
        $value.map(::core::convert::Into::into)
    };
    ($value:expr, each) => {
        $value.into_iter().map(::core::convert::Into::into).collect()
    };
}

/// `From` between two records with the same field names. `growing` is the room to grow of a record of the contract that this
/// crate does not pass on: left out on the way in, empty on the way out.
#[doc(hidden)]
#[macro_export]
macro_rules! __carry_record {
    ($from:path => $to:path { $($field:ident $(: $how:ident)?),* } leaving $growing:ident) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                let $from { $($field,)* $growing: _ } = value;
                Self { $($field: $crate::__carry_value!($field $(, $how)?)),* }
            }
        }
    };
    ($from:path => $to:path { $($field:ident $(: $how:ident)?),* } growing $growing:ident) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                let $from { $($field),* } = value;
                Self { $($field: $crate::__carry_value!($field $(, $how)?),)* $growing: ::std::vec::Vec::new() }
            }
        }
    };
    ($from:path => $to:path { $($field:ident $(: $how:ident)?),* }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                let $from { $($field),* } = value;
                Self { $($field: $crate::__carry_value!($field $(, $how)?)),* }
            }
        }
    };
}

/// `From` between two enums with the same case names: first those without a payload, then those with one.
#[doc(hidden)]
#[macro_export]
macro_rules! __carry_enum {
    ($from:path => $to:path { $($bare:ident),* ; $($case:ident : $how:ident),* }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                type Other = $from;
                match value {
                    $(Other::$bare => Self::$bare,)*
                    $(Other::$case(payload) => Self::$case($crate::__carry_value!(payload, $how)),)*
                }
            }
        }
    };
}

/// The error of a plugin's own, to the bindings; two of the three worlds have it.
#[doc(hidden)]
#[macro_export]
macro_rules! __carry_error {
    ($types:ident) => {
        $crate::__carry_enum!($crate::ErrorKind => $types::ErrorKind {
            Retry, RateLimited, Denied, Rejected, Misconfigured, Other;
        });
        $crate::__carry_record!($crate::Error => $types::Error {
            kind: into, code, message, hint, retry_after_ms, extensions
        });
    };
}

/// The descriptor and all it holds, to the bindings; every world has it.
#[doc(hidden)]
#[macro_export]
macro_rules! __carry_descriptor {
    ($descriptors:ident) => {
        $crate::__carry_record!($crate::Prerequisite => $descriptors::Prerequisite { id, text, checked });
        $crate::__carry_record!($crate::Terms => $descriptors::Terms { version, text });
        $crate::__carry_record!($crate::LoginRecipe => $descriptors::LoginRecipe {
            path, username_field, password_field, token_pointer, header
        });
        $crate::__carry_enum!($crate::Oauth2Grant => $descriptors::Oauth2Grant {
            ClientCredentials, AuthorizationCode, JwtBearer;
        });
        $crate::__carry_record!($crate::Oauth2Recipe => $descriptors::Oauth2Recipe {
            grant: into, token_url, authorization_url, scopes
        });
        $crate::__carry_enum!($crate::HmacPart => $descriptors::HmacPart {
            Method, PathAndQuery, Timestamp, Body, BodySha256; Literal: plain
        });
        $crate::__carry_enum!($crate::HmacEncoding => $descriptors::HmacEncoding { Hex, Base64; });
        $crate::__carry_record!($crate::HmacRecipe => $descriptors::HmacRecipe {
            parts: each, separator, header, prefix, encoding: into, timestamp_header, key_header
        });
        $crate::__carry_enum!($crate::CredentialScheme => $descriptors::CredentialScheme {
            Basic, Bearer, Certificate; Header: plain, Query: plain, Login: into, Oauth2: into, Hmac: into
        });
        $crate::__carry_record!($crate::CredentialWish => $descriptors::CredentialWish {
            name, scheme: into, summary
        });
        $crate::__carry_enum!($crate::ReadingMode => $descriptors::Reading { Windowed, Since, Whole; });
        $crate::__carry_record!($crate::SourceTraits => $descriptors::SourceTraits {
            reading: into, prerequisites: each, terms: inner, data_flow, default_folder, folder_setting, file_endings
        });
        $crate::__carry_enum!($crate::Grouping => $descriptors::Grouping { Item, ConversationDay; });
        $crate::__carry_enum!($crate::PluginKind => $descriptors::PluginKind {
            Mapper; Source: into, Converter: into
        });
        $crate::__carry_record!($crate::Descriptor => $descriptors::Descriptor {
            name, version, summary, settings_schema, credentials: each, origins, origin_settings, kind: into,
            extensions
        });
    };
}
