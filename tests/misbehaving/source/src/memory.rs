//! Looks through the instance's whole memory, as a plugin could that hopes the host was careless.

/// Whether a text stands in memory that `reversed` is the mirror image of: the pattern itself is no hit.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "reading all of its own linear memory is what this guest is for")]
pub(crate) fn holds_reversed(reversed: &[u8]) -> bool {
    // Address 0 is no place that Rust may read.
    const START: usize = 1;
    const PAGE_BYTES: usize = 64 << 10;
    let end = core::arch::wasm32::memory_size::<0>() * PAGE_BYTES;
    let at = |address: usize| {
        // SAFETY: every address below the memory's size can be read, and a byte has no invalid values.
        unsafe { core::ptr::read_volatile(address as *const u8) }
    };
    let last = end.saturating_sub(reversed.len());
    (START..last).any(|start| reversed.iter().rev().zip(start..).all(|(byte, address)| at(address) == *byte))
}

/// Natively there is no memory of its own to look through.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn holds_reversed(_: &[u8]) -> bool {
    false
}
