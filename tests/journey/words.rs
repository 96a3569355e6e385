//! What each command says of an archived world.
