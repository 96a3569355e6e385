//! From a component's bytes to a plugin that can be called, or to a sentence that says why not.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, HasSelf, Linker};

use super::{
    Sandbox,
    contract::v1::{converter, mapper, source},
    contract::{self, Misfit, World},
    converter::ConverterCall,
    descriptor,
    diagnostic::{Call, Ending, Label, cut, printable},
    egress::{Egress, Scrub},
    folders::Folders,
    mapper::MapperCall,
    powers::SourcePowers,
    source_host::SourceCall,
    store::{Guest, Nature, begin, limited, new_store},
};
use crate::item::{Descriptor, Failure, NextMove, limits};

/// A loaded plugin: compiled, linked, its world proven, its descriptor checked. Clones share the code.
#[derive(Clone)]
pub struct Plugin {
    /// The name under which it is configured.
    pub name: String,
    /// Where it came from (a path, an OCI reference, `bundled`).
    pub source: String,
    /// SHA-256 of the component: with `source` its identity.
    pub digest: [u8; 32],
    /// What it says of itself.
    pub descriptor: Descriptor,
    /// Which world it fills; agrees with the descriptor.
    pub world: World,
    /// The interfaces it imports, by name, all of them offered.
    pub imports: Vec<String>,
    code: Code,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plugin({})", self.label())
    }
}

/// Linked code, ready to make instances of.
#[derive(Clone)]
enum Code {
    Source(source::SourcePluginPre<Guest<SourceCall>>),
    Mapper(mapper::MapperPluginPre<Guest<MapperCall>>),
    Converter(converter::ConverterPluginPre<Guest<ConverterCall>>),
}

/// What each world is linked against; made once.
pub(super) struct Linkers {
    source: Linker<Guest<SourceCall>>,
    mapper: Linker<Guest<MapperCall>>,
    converter: Linker<Guest<ConverterCall>>,
}

impl Linkers {
    pub(super) fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        let mut source_linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut source_linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut source_linker)?;
        source::SourcePlugin::add_to_linker::<_, HasSelf<_>>(&mut source_linker, |guest| guest)?;
        let mut mapper_linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut mapper_linker)?;
        mapper::MapperPlugin::add_to_linker::<_, HasSelf<_>>(&mut mapper_linker, |guest| guest)?;
        let mut converter_linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut converter_linker)?;
        converter::ConverterPlugin::add_to_linker::<_, HasSelf<_>>(&mut converter_linker, |guest| guest)?;
        Ok(Self { source: source_linker, mapper: mapper_linker, converter: converter_linker })
    }
}

impl Plugin {
    /// The name by which diagnostics call it.
    pub(super) fn label(&self) -> Label {
        let version = Some(self.descriptor.version.clone());
        Label { name: self.name.clone(), version, digest: self.digest }
    }

    pub(super) fn source_code(&self) -> Result<&source::SourcePluginPre<Guest<SourceCall>>, Failure> {
        match &self.code {
            Code::Source(code) => Ok(code),
            _ => Err(self.wrong_world(World::Source)),
        }
    }

    pub(super) fn mapper_code(&self) -> Result<&mapper::MapperPluginPre<Guest<MapperCall>>, Failure> {
        match &self.code {
            Code::Mapper(code) => Ok(code),
            _ => Err(self.wrong_world(World::Mapper)),
        }
    }

    pub(super) fn converter_code(&self) -> Result<&converter::ConverterPluginPre<Guest<ConverterCall>>, Failure> {
        match &self.code {
            Code::Converter(code) => Ok(code),
            _ => Err(self.wrong_world(World::Converter)),
        }
    }

    fn wrong_world(&self, wanted: World) -> Failure {
        let message = format!("plugin `{}` is a {}, not a {}", self.name, self.world.name(), wanted.name());
        Failure::new("plugin-world", NextMove::AskPerson, message)
            .hint(format!("name another plugin as the connector's `{}`", wanted.name()))
    }
}

/// Loads a component; see [`Sandbox::load`].
pub(super) async fn load(sandbox: &Sandbox, name: &str, source: &str, bytes: &[u8]) -> Result<Plugin, Failure> {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let label = Label { name: name.to_owned(), version: None, digest };
    let unloadable = |code: &str, why: String| {
        Failure::new(
            code,
            NextMove::AskPerson,
            format!("{label} from `{}` cannot be loaded: {why}", source.escape_debug()),
        )
    };
    check_bytes(bytes).map_err(|(code, why, hint)| unloadable(code, why).hint(hint))?;
    let compiled = compile(sandbox, digest, bytes).await?;
    let component = compiled.map_err(|error| {
        unloadable("plugin-corrupt", format!("it is not valid WebAssembly: {}", brief(&error)))
            .hint("fetch or build it again")
    })?;

    let engine = sandbox.engine();
    let ty = component.component_type();
    let mut imports: Vec<String> = ty.imports(engine).map(|(name, _)| name.to_owned()).collect();
    imports.sort_unstable();
    let world = contract::check(imports.iter().map(String::as_str), ty.exports(engine).map(|(name, _)| name))
        .map_err(|Misfit { code, why, hint }| unloadable(code, why).hint(hint))?;
    let drifted = |why: &str| {
        let why = format!("it was built against another draft of the contract: {}", printable(cut(why, 300)));
        unloadable("plugin-contract-drift", why).hint("build it against this host's `wit/`")
    };
    let code = link(sandbox.linkers(), &component, world).map_err(|error| drifted(&brief(&error)))?;
    let descriptor = describe(sandbox, &code, &label, world, drifted).await?;
    Ok(Plugin { name: name.to_owned(), source: source.to_owned(), digest, descriptor, world, imports, code })
}

/// What can be told without compiling. A component's header differs from a module's in its second half.
fn check_bytes(bytes: &[u8]) -> Result<(), (&'static str, String, &'static str)> {
    const MAGIC: &[u8] = b"\0asm";
    const COMPONENT: &[u8] = b"\x0d\0\x01\0";
    const MODULE: &[u8] = b"\x01\0\0\0";
    if bytes.len() as u64 > limits::COMPONENT_BYTES_MAX {
        let why = format!("it has {} MiB, the limit is {}", bytes.len() >> 20, limits::COMPONENT_BYTES_MAX >> 20);
        return Err(("plugin-too-large", why, "strip it, and build it optimised for size"));
    }
    match bytes.split_at_checked(4) {
        Some((MAGIC, rest)) if rest.starts_with(COMPONENT) => Ok(()),
        Some((MAGIC, rest)) if rest.starts_with(MODULE) => {
            let why = "it is a core module, not a component".to_owned();
            Err(("plugin-not-component", why, "build it for `wasm32-wasip2`, or run `wasm-tools component new`"))
        }
        _ => Err(("plugin-corrupt", "it is not WebAssembly".to_owned(), "fetch or build it again")),
    }
}

/// Compiles on a thread that may block, or reads the cache.
async fn compile(sandbox: &Sandbox, digest: [u8; 32], bytes: &[u8]) -> Result<wasmtime::Result<Component>, Failure> {
    let (sandbox, bytes): (_, Arc<[u8]>) = (sandbox.clone(), bytes.into());
    let work = move || sandbox.cache().component(sandbox.engine(), &digest, &bytes);
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Failure::new("engine-unavailable", NextMove::Stop, format!("the compiler ended badly: {error}"))
    })
}

fn link(linkers: &Linkers, component: &Component, world: World) -> wasmtime::Result<Code> {
    Ok(match world {
        World::Source => Code::Source(source::SourcePluginPre::new(linkers.source.instantiate_pre(component)?)?),
        World::Mapper => Code::Mapper(mapper::MapperPluginPre::new(linkers.mapper.instantiate_pre(component)?)?),
        World::Converter => {
            Code::Converter(converter::ConverterPluginPre::new(linkers.converter.instantiate_pre(component)?)?)
        }
    })
}

/// Asks a plugin what it is, without powers.
async fn describe(
    sandbox: &Sandbox,
    code: &Code,
    label: &Label,
    world: World,
    drifted: impl Fn(&str) -> Failure,
) -> Result<Descriptor, Failure> {
    let call = Call { plugin: label, function: "describe", connector: None, position: None };
    /// Makes an instance and calls its `describe`; the three bindings are different types.
    macro_rules! ask {
        ($pre:expr, $interface:ident, $nature:expr, $powers:expr) => {{
            let limits = sandbox.limits();
            let mut store = new_store(sandbox.engine(), limits, $nature, $powers);
            begin(&mut store, limits);
            let described = match limited(limits, $pre.instantiate_async(&mut store)).await {
                Ok(plugin) => limited(limits, plugin.$interface().call_describe(&mut store)).await,
                // Exports are compared with the contract when the first instance is made.
                Err(Ending::Malformed(why)) => return Err(drifted(&why)),
                Err(ending) => Err(ending),
            };
            let taken = described.and_then(|said| descriptor::take(said, world).map_err(Ending::BadOutput));
            let data = store.data();
            taken
                .map_err(|ending| call.failure(ending, data.limiter.refused_bytes, &data.log.text(), &Scrub::default()))
        }};
    }
    match code {
        Code::Source(pre) => {
            let powers = SourcePowers {
                connector: String::new(),
                egress: Arc::new(Egress::closed()),
                folders: Arc::new(Folders::none()),
                attachment_bytes_max: 0,
            };
            ask!(pre, chancery_connector_source, Nature::Source, SourceCall::new(powers, sandbox.limits()))
        }
        Code::Mapper(pre) => ask!(pre, chancery_connector_mapper, sandbox.pure, MapperCall::new()),
        Code::Converter(pre) => ask!(pre, chancery_connector_converter, sandbox.pure, ConverterCall::new()),
    }
}

/// The innermost cause on one line: an operator has no use for a linker's whole chain.
fn brief(error: &wasmtime::Error) -> String {
    printable(cut(&error.root_cause().to_string(), 300))
}
