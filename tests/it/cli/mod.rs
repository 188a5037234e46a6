//! The command as people and pipelines run it.

mod attacks;
mod decide;
mod gate;
mod layers;
mod reference;
mod scenarios;
mod signatures;
mod surfaces;
