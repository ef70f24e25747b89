//! UPnP-IGD (WANIPConnection): a search by multicast, then HTTP with the router.
//!
//! The exchange is a sequence of questions, so that its owner leads it: [`SEARCH`] goes to [`GROUP`], the router's answer has
//! an [`Url`], behind which its [`services`] are described, and one of them takes [`Action`]s. Whatever a router says,
//! it leads to that router's own address only: nobody is to make us send requests elsewhere.

mod description;
mod http;
mod search;
mod soap;
mod url;

pub use description::{Service, services};
pub use http::{ANSWER, Answer, get};
pub use search::{GROUP, SEARCH, location};
pub use soap::{Action, Fault, external_address, outcome};
pub use url::Url;
