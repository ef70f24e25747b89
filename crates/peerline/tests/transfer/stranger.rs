//! A sender that does not keep to the protocol.

use peerline::transfer::*;
use peerline::{DataChannel, DataChannelInit, Priority};

use crate::world::*;

async fn channel(pair: &Pair, protocol: &str) -> DataChannel {
    let init =
        DataChannelInit { protocol: protocol.to_owned(), priority: Priority::VeryLow, ..Default::default() };
    let channel = pair.sender.create_data_channel(LABEL, init).unwrap();
    channel.opened().await.unwrap();
    channel
}

fn offer(path: &str) -> [String; 2] {
    [
        r#"{"type":"offer","transfer":"AAAAAAAAAAAAAAAAAAAAAA","files":1,"bytes":4,"chunk":16384}"#
            .to_owned(),
        format!(r#"{{"type":"files","files":[{{"path":"{path}","size":4}}]}}"#),
    ]
}

#[tokio::test]
async fn section_4_a_path_that_climbs_out_is_refused_before_anybody_is_asked() {
    let pair = Pair::new().await;
    for path in ["../file", "a/../../file", "/etc/cron.d/file", "..", "a//b"] {
        let stranger = channel(&pair, PROTOCOL).await;
        for message in offer(path) {
            stranger.send_text(message).unwrap();
        }
        let lost = IncomingOffer::receive(pair.channel().await).await;
        assert!(matches!(lost, Err(OfferLost::Refused(Error::BadPath(_)))), "{path}: {lost:?}");
        let answer = stranger.recv().await.unwrap();
        assert!(String::from_utf8_lossy(answer.as_bytes()).contains(r#""code":"bad_path""#), "{answer:?}");
        assert_eq!(stranger.recv().await, None);
    }
}

#[tokio::test]
async fn section_5_a_damaged_chunk_ends_it_and_is_not_kept() {
    let (pair, to) = (Pair::new().await, Folder::new());
    let stranger = channel(&pair, PROTOCOL).await;
    for message in offer("file") {
        stranger.send_text(message).unwrap();
    }
    let incoming = IncomingOffer::receive(pair.channel().await).await.unwrap();
    let plan = incoming.plan(&to.directory()).await.unwrap();
    let receiving = tokio::spawn(incoming.accept(plan, Existing::Keep).unwrap().finish());
    let mut piece = vec![0; 16 + 32];
    piece[0] = 2;
    piece.extend_from_slice(b"evil");
    while !String::from_utf8_lossy(stranger.recv().await.unwrap().as_bytes()).contains("get") {}
    stranger.send(piece).unwrap();
    let outcome = receiving.await.unwrap();
    assert_eq!(outcome, Outcome::Failed(Error::Damaged { file: FileIndex(0), chunk: 0 }));
    assert_eq!(to.files(), [("file.peerline-part".to_owned(), Vec::new())].into());
}

#[tokio::test]
async fn section_1_a_later_version_is_closed() {
    let pair = Pair::new().await;
    let stranger = channel(&pair, "peerline.transfer.v2").await;
    let theirs = loop {
        if let peerline::Event::DataChannel(channel) = pair.receiver.next_event().await.unwrap() {
            break channel;
        }
    };
    assert!(matches!(IncomingOffer::receive(theirs).await, Err(OfferLost::Refused(_))));
    assert_eq!(stranger.recv().await, None);
}

#[tokio::test]
async fn section_8_a_sender_that_leaves_before_it_has_offered_is_lost() {
    let pair = Pair::new().await;
    let stranger = channel(&pair, PROTOCOL).await;
    let [first, _] = offer("file");
    stranger.send_text(first).unwrap();
    stranger.close();
    assert!(matches!(IncomingOffer::receive(pair.channel().await).await, Err(OfferLost::Interrupted)));
}
