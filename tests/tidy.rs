//! The house rules, as tests: they read the sources as text and fail with file, line and what would be right.
//!
//! Each rule is a function from text to findings, tried on a small wrong example beside it, and held against the tree
//! here. A rule that cannot fail is no rule.
//!
//! Documents that repeat what stands in code are written by `BLESS=1 cargo test tidy` and only compared otherwise.

mod arrows;
mod code;
mod contract;
mod files;
mod libraries;
mod markdown;
mod repeated;
mod tree;

use tree::{Tree, expect_none};

#[test]
fn rooms_import_along_the_arrows_only() {
    expect_none(arrows::check(&Tree::read()));
}

#[test]
fn libraries_and_clocks_stay_in_their_rooms() {
    expect_none(libraries::check(&Tree::read()));
}

#[test]
fn only_the_command_line_prints() {
    expect_none(libraries::check_printing(&Tree::read()));
}

#[test]
fn every_source_file_is_compiled() {
    expect_none(files::check_declared(&Tree::read()));
}

#[test]
fn every_plugin_is_shipped_documented_and_native_but_for_one_file() {
    expect_none(files::check_plugins(&Tree::read()));
}

#[test]
fn files_can_be_held_in_the_head() {
    expect_none(files::check_length(&Tree::read()));
}

#[test]
fn no_test_is_switched_off() {
    expect_none(files::check_attributes(&Tree::read()));
}

#[test]
fn links_lead_somewhere() {
    expect_none(markdown::check(&Tree::read()));
}

#[test]
fn every_item_of_the_contract_is_documented() {
    expect_none(contract::check(&Tree::read()));
}

#[test]
fn documents_repeat_what_the_code_says() {
    expect_none(repeated::check(&Tree::read()));
}
