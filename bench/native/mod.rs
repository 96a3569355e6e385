//! The bundled plugins linked into this program: the baseline of the sandbox. The same logic, without WebAssembly,
//! without the host's checks of what comes out, behind the same traits of the pipeline.

mod converter;
mod mapper;
mod source;
mod words;

pub(crate) use converter::Email;
pub(crate) use mapper::Users;
pub(crate) use source::WhatsappExport;
pub(crate) use words::batch;
