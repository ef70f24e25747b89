//! The Peerline server: one port for the web app, signaling, STUN and TURN.
//!
//! [`Options`] are what an operator may say; [`Config`] is what they mean, checked; [`Server`] runs it.

pub mod addresses;
mod admission;
pub mod config;
mod connection;
mod data_dir;
mod first_bytes;
mod http;
mod ice;
mod listen;
mod metrics;
mod options;
mod relay;
mod server;
mod shutdown;
mod signaling;
mod tls;
mod turn_stream;

pub use config::{Config, ConfigError, LogFormat};
pub use options::Options;
pub use server::{Server, StartError};
pub use tls::TlsError;
