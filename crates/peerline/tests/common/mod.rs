//! What tests of two peers have in common.

use peerline::PeerConnection;

/// Offer and answer, with all candidates in them.
pub async fn negotiate(offerer: &PeerConnection, answerer: &PeerConnection) {
    offerer.set_local_description(None).unwrap();
    offerer.gathering_complete().await;
    answerer.set_remote_description(offerer.local_description().unwrap()).unwrap();
    answerer.set_local_description(None).unwrap();
    answerer.gathering_complete().await;
    offerer.set_remote_description(answerer.local_description().unwrap()).unwrap();
}
