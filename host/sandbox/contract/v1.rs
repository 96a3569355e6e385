//! Version 1 of the contract as wasmtime sees it: the only file that generates bindings, and carries its enums over to the
//! host's own. A version 2 gets a file beside this one, from a `wit/` of its own, and whatever it changes is carried over there;
//! plugins of version 1 stay with this one.
//!
//! The three worlds share the values of `types` and `descriptors`, so that there is one conversion of each. What goes
//! *into* converter and mapper is bound by hand in [`params`]: generated parameters are owned, and would copy every
//! text of a batch only to copy it again into the guest (bindgen's own borrowing mode fails on this package: records
//! that a world does not use come out without their lifetime).

/// A source plugin's world.
pub(in super::super) mod source {
    #![allow(missing_docs, unreachable_pub, unused_qualifications, unused_variables, reason = "generated from wit/")]
    wasmtime::component::bindgen!({
        world: "source-plugin",
        path: "wit",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

/// A mapper plugin's world.
pub(in super::super) mod mapper {
    #![allow(missing_docs, unreachable_pub, unused_qualifications, reason = "generated from wit/")]
    wasmtime::component::bindgen!({
        world: "mapper-plugin",
        path: "wit",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "chancery:connector/types": super::source::chancery::connector::types,
            "chancery:connector/descriptors": super::source::chancery::connector::descriptors,
        },
    });
}

/// A converter plugin's world.
pub(in super::super) mod converter {
    #![allow(missing_docs, unreachable_pub, unused_qualifications, reason = "generated from wit/")]
    wasmtime::component::bindgen!({
        world: "converter-plugin",
        path: "wit",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "chancery:connector/types": super::source::chancery::connector::types,
            "chancery:connector/descriptors": super::source::chancery::connector::descriptors,
        },
    });
}

pub(in super::super) use source::chancery::connector::{descriptors, types};

/// Parameters of `convert` and `resolve`, borrowed. Field names and order are those of `wit/`; wasmtime compares them
/// with the guest's when an instance is made.
pub(in super::super) mod params {
    use wasmtime::component::{ComponentType, Lower};

    use super::types::{Call, CallOutcome, ConversationKind, Direction, Event, Withheld};

    /// `types.extensions`.
    pub(crate) type Extensions<'a> = &'a [(String, String)];

    /// `types.person`.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Person<'a> {
        pub(crate) id: &'a str,
        pub(crate) name: Option<&'a str>,
        pub(crate) phone: Option<&'a str>,
        pub(crate) email: Option<&'a str>,
        pub(crate) internal: bool,
        pub(crate) extensions: Extensions<'a>,
    }

    /// `types.conversation`.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Conversation<'a> {
        pub(crate) id: &'a str,
        pub(crate) kind: ConversationKind,
        pub(crate) title: Option<&'a str>,
        pub(crate) extensions: Extensions<'a>,
    }

    /// `types.reference`.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Reference<'a> {
        pub(crate) id: &'a str,
        pub(crate) event: Event,
        pub(crate) revision: u32,
    }

    /// `mapper.question`.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Question<'a> {
        pub(crate) person: Person<'a>,
        pub(crate) at: i64,
    }

    /// `converter.party`.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Party<'a> {
        pub(crate) person: Person<'a>,
        pub(crate) mailbox: Option<&'a str>,
    }

    /// `converter.state`.
    #[derive(ComponentType, Lower)]
    #[component(variant)]
    pub(crate) enum State<'a> {
        #[component(name = "present")]
        Present,
        #[component(name = "withheld")]
        Withheld(Withheld),
        #[component(name = "missing")]
        Missing(&'a str),
    }

    /// `converter.attachment`.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Attachment<'a> {
        pub(crate) name: Option<&'a str>,
        #[component(name = "media-type")]
        pub(crate) media_type: Option<&'a str>,
        pub(crate) size: Option<u64>,
        pub(crate) sha256: Option<String>,
        pub(crate) state: State<'a>,
    }

    /// `converter.item`.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Item<'a> {
        pub(crate) id: &'a str,
        pub(crate) event: Event,
        pub(crate) revision: u32,
        pub(crate) conversation: u32,
        pub(crate) sender: Option<u32>,
        pub(crate) participants: &'a [u32],
        pub(crate) direction: Option<Direction>,
        #[component(name = "sent-at")]
        pub(crate) sent_at: i64,
        pub(crate) zone: Option<&'a str>,
        pub(crate) text: Option<&'a str>,
        #[component(name = "previous-text")]
        pub(crate) previous_text: Option<&'a str>,
        #[component(name = "refers-to")]
        pub(crate) refers_to: Option<Reference<'a>>,
        pub(crate) call: Option<Call>,
        pub(crate) attachments: Vec<Attachment<'a>>,
        pub(crate) extensions: Extensions<'a>,
    }

    /// `converter.batch`.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Batch<'a> {
        pub(crate) source: &'a str,
        pub(crate) account: &'a str,
        pub(crate) people: Vec<Party<'a>>,
        pub(crate) conversations: Vec<Conversation<'a>>,
        pub(crate) items: Vec<Item<'a>>,
        pub(crate) settings: &'a str,
        pub(crate) extensions: Extensions<'a>,
    }

    impl<'a> From<&'a crate::item::Person> for Person<'a> {
        fn from(person: &'a crate::item::Person) -> Self {
            Self {
                id: &person.id,
                name: person.name.as_deref(),
                phone: person.phone.as_deref(),
                email: person.email.as_deref(),
                internal: person.internal,
                extensions: &person.extensions,
            }
        }
    }

    impl<'a> From<&'a crate::item::Conversation> for Conversation<'a> {
        fn from(conversation: &'a crate::item::Conversation) -> Self {
            Self {
                id: &conversation.id,
                kind: conversation.kind.into(),
                title: conversation.title.as_deref(),
                extensions: &conversation.extensions,
            }
        }
    }

    impl<'a> From<&'a crate::item::Reference> for Reference<'a> {
        fn from(reference: &'a crate::item::Reference) -> Self {
            Self { id: &reference.id, event: reference.event.into(), revision: reference.revision }
        }
    }

    impl From<crate::item::Call> for Call {
        fn from(call: crate::item::Call) -> Self {
            Self { video: call.video, outcome: call.outcome.into(), duration_ms: call.duration_ms }
        }
    }

    /// Carries an enum across in both directions, case by case.
    macro_rules! both_ways {
        ($here:path, $there:path, $($case:ident),+) => {
            impl From<$here> for $there {
                fn from(value: $here) -> Self {
                    match value { $(<$here>::$case => Self::$case),+ }
                }
            }
            impl From<$there> for $here {
                fn from(value: $there) -> Self {
                    match value { $(<$there>::$case => Self::$case),+ }
                }
            }
        };
    }

    both_ways!(crate::item::ConversationKind, ConversationKind, Direct, Group, Channel, Other);
    both_ways!(crate::item::Event, Event, Message, Call, Edit, Deletion, Reaction, Membership, File, Notice, Other);
    both_ways!(crate::item::Direction, Direction, Incoming, Outgoing);
    both_ways!(crate::item::CallOutcome, CallOutcome, Answered, Missed, Declined, Failed, Unknown);
}
