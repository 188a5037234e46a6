//! The command as people and pipelines run it.

mod about;
mod attacks;
mod baseline;
mod cut;
mod damage;
mod decide;
mod deciding;
#[cfg(feature = "app")]
mod evidence;
#[cfg(feature = "app")]
mod foreign;
mod gate;
mod grant;
mod layers;
mod licences;
mod limits;
#[cfg(feature = "app")]
mod log;
#[cfg(feature = "app")]
mod mutations;
#[cfg(feature = "app")]
mod reading;
#[cfg(feature = "app")]
mod receipt;
mod reference;
#[cfg(feature = "app")]
mod retention;
mod scenarios;
#[cfg(feature = "app")]
mod serve;
mod signatures;
#[cfg(feature = "app")]
mod standing;
#[cfg(feature = "app")]
mod succession;
mod surfaces;
#[cfg(feature = "app")]
mod twice;
mod union;
mod watch;
